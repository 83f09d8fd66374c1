export interface Money {
  cents: number;
  currency: string;
}

export function money(cents: number, currency = "EUR"): Money {
  return { cents, currency };
}

export function add(a: Money, b: Money): Money | undefined {
  if (a.currency !== b.currency) {
    return undefined;
  }
  return { cents: a.cents + b.cents, currency: a.currency };
}

export function text(amount: Money): string {
  const units = (amount.cents / 100).toFixed(2);
  return `${units} ${amount.currency}`;
}
