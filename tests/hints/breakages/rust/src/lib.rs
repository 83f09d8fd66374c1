pub mod money;

use std::collections::HashMap;

use money::Money;

pub struct Basket {
    lines: Vec<(String, Money, u32)>,
}

impl Basket {
    pub fn new() -> Self {
        let lines = Vec::new();
        Basket { lines }
    }

    pub fn put(&mut self, name: &str, price: Money, count: u32) {
        self.lines.push((name.to_string(), price, count));
    }

    pub fn total(&self) -> Option<Money> {
        let mut total = Money::new(0, "EUR");
        for (_, price, count) in &self.lines {
            total = total.add(&price.times(*count))?;
        }
        Some(total)
    }

    pub fn counts(&self) -> HashMap<String, u32> {
        let mut counts = HashMap::new();
        for (name, _, count) in &self.lines {
            *counts.entry(name.clone()).or_insert(0) += count;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up() {
        let mut basket = Basket::new();
        basket.put("tea", Money::new(250, "EUR"), 3);
        assert_eq!(basket.total(), Some(Money::new(750, "EUR")));
        assert_eq!(basket.counts()["tea"], 3);
    }
}
