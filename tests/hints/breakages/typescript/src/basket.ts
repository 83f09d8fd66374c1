import { add, money, text } from "./money.js";
import type { Money } from "./money.js";

export interface Line {
  name: string;
  price: Money;
  count: number;
}

export class Basket {
  private lines: Line[] = [];

  put(name: string, price: Money, count: number): void {
    this.lines.push({ name, price, count });
  }

  total(): Money | undefined {
    let total: Money | undefined = money(0);
    for (const line of this.lines) {
      const cents = line.price.cents * line.count;
      total = total && add(total, money(cents, line.price.currency));
    }
    return total;
  }

  names(): string[] {
    return this.lines.map((line) => line.name.toUpperCase());
  }

  async describe(): Promise<string> {
    const rows = await Promise.all(this.lines.map(async (line) => text(line.price)));
    return rows.join("\n");
  }
}
