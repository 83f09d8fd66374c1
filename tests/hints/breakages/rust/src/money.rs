#[derive(Debug, Clone, PartialEq)]
pub struct Money {
    pub cents: i64,
    pub currency: String,
}

impl Money {
    pub fn new(cents: i64, currency: &str) -> Money {
        Money {
            cents,
            currency: currency.to_string(),
        }
    }

    pub fn add(&self, other: &Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Some(Money::new(self.cents + other.cents, &self.currency))
    }

    pub fn times(&self, count: u32) -> Money {
        let cents = self.cents * i64::from(count);
        Money::new(cents, &self.currency)
    }
}

pub fn parse(text: &str) -> Option<Money> {
    let (amount, currency) = text.split_once(' ')?;
    match amount.parse::<i64>() {
        Ok(cents) => Some(Money::new(cents, currency)),
        Err(_) => None,
    }
}
