//! Payments: each caller sees those that the caller sent or received, and no others.

use std::fmt;

use jiff::civil::Date;
use rusqlite::{Connection, named_params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::records;
use crate::tool::{Call, Effect, Failure, Nothing, Tool};

/// Amounts are whole euros.
const UNIT: &str = "EUR";

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "get_all_transactions",
            "All my payments",
            Effect::Reads,
            "Lists every payment that you, the caller, sent or received, the newest first. \
             Nobody else's payments can be read.",
            async |call: Call, _: Nothing| transactions(call, None).await,
        ),
        Tool::new(
            "get_latest_transactions",
            "My latest payments",
            Effect::Reads,
            "Lists the latest payments that you, the caller, sent or received, the newest \
             first: three, or as many as limit says.",
            async |call: Call, input: Latest| transactions(call, Some(input.limit)).await,
        ),
        Tool::new(
            "get_account_balance",
            "My balance",
            Effect::Reads,
            "Tells what you, the caller, have received minus what you have sent, over all \
             payments, in whole euros.",
            balance,
        ),
    ]
}

async fn transactions(call: Call, limit: Option<u32>) -> Result<Transactions, Failure> {
    let owner = Owner::of(&call);
    call.records.read(move |records| owner.transactions(records, limit)).await
}

async fn balance(call: Call, _: Nothing) -> Result<Balance, Failure> {
    let owner = Owner::of(&call);
    call.records.read(move |records| owner.balance(records)).await
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Latest {
    /// How many payments to list.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
}

fn three() -> u32 {
    3
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Transactions {
    /// Whose payments these are.
    user: String,
    /// The unit of every amount.
    unit: &'static str,
    /// The newest first.
    transactions: Vec<Transaction>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Transaction {
    id: i64,
    date: Date,
    /// Who paid.
    from: String,
    /// Who was paid.
    to: String,
    /// In whole units, always positive.
    amount: i64,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Balance {
    /// Whose balance this is.
    user: String,
    /// The unit of every amount.
    unit: &'static str,
    /// Received minus sent.
    balance: i64,
    received: i64,
    sent: i64,
}

/// Payments belong to (issuer, user): another issuer's bob is another bob.
struct Owner {
    issuer: String,
    user: String,
}

impl Owner {
    fn of(call: &Call) -> Self {
        let (issuer, user) = call.identity().owner();
        Self { issuer: issuer.to_owned(), user: user.to_owned() }
    }

    fn transactions(
        self,
        records: &Connection,
        limit: Option<u32>,
    ) -> Result<Transactions, Failure> {
        let mut query = records.prepare(
            "SELECT id, day, sender, recipient, amount FROM payment
             WHERE issuer = :issuer AND :user IN (sender, recipient)
             ORDER BY day DESC, id DESC LIMIT :limit",
        )?;
        let limit = limit.map_or(-1, i64::from);
        let rows = query.query_map(
            named_params! {":issuer": self.issuer, ":user": self.user, ":limit": limit},
            |row| {
                Ok(Transaction {
                    id: row.get("id")?,
                    date: records::date(row, "day")?,
                    from: row.get("sender")?,
                    to: row.get("recipient")?,
                    amount: row.get("amount")?,
                })
            },
        )?;
        let transactions = rows.collect::<Result<_, _>>()?;
        Ok(Transactions { user: self.user, unit: UNIT, transactions })
    }

    fn balance(self, records: &Connection) -> Result<Balance, Failure> {
        let sums = "SELECT coalesce(sum(amount) FILTER (WHERE recipient = :user), 0),
                           coalesce(sum(amount) FILTER (WHERE sender = :user), 0)
                    FROM payment WHERE issuer = :issuer";
        let names = named_params! {":issuer": self.issuer, ":user": self.user};
        let (received, sent): (i64, i64) =
            records.query_row(sums, names, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Balance { user: self.user, unit: UNIT, balance: received - sent, received, sent })
    }
}

impl fmt::Display for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.transactions.is_empty() {
            return write!(f, "{} has sent and received no payments.", self.user);
        }
        write!(f, "{} payments of {}, the newest first:", self.transactions.len(), self.user)?;
        for Transaction { id, date, from, to, amount } in &self.transactions {
            write!(f, "\n{date}  {from} → {to}  {amount} {}  (number {id})", self.unit)?;
        }
        Ok(())
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, unit, balance, received, sent } = self;
        if *received == 0 && *sent == 0 {
            return write!(f, "{user} has sent and received no payments: 0 {unit}.");
        }
        write!(f, "{user} stands at {balance} {unit}: {received} received, {sent} sent.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Records;

    async fn of<T: Send + 'static>(
        user: &str,
        ask: impl FnOnce(Owner, &Connection) -> Result<T, Failure> + Send + 'static,
    ) -> T {
        let owner = Owner { issuer: "here".to_owned(), user: user.to_owned() };
        let records = Records::in_memory("here").unwrap();
        records.read(move |records| ask(owner, records)).await.unwrap()
    }

    #[tokio::test]
    async fn each_user_has_a_balance_and_payments_of_their_own() {
        for (user, balance, ids) in [
            ("bob", -200, vec![6, 5, 4, 3, 1]),
            ("alice", 180, vec![7, 6, 5, 2, 1]),
            ("charlie", 20, vec![7, 4, 3, 2]),
        ] {
            assert_eq!(of(user, Owner::balance).await.balance, balance, "{user}");
            let all = of(user, |owner, records| owner.transactions(records, None)).await;
            let listed: Vec<_> = all.transactions.iter().map(|payment| payment.id).collect();
            assert_eq!(listed, ids, "{user}");
        }
    }

    #[tokio::test]
    async fn a_limit_keeps_the_newest() {
        let latest = of("bob", |owner, records| owner.transactions(records, Some(2))).await;
        let days: Vec<_> = latest.transactions.iter().map(|t| t.date.to_string()).collect();
        assert_eq!(days, ["2024-03-20", "2024-03-19"]);
    }

    #[tokio::test]
    async fn of_another_issuer_none_are_found_and_that_is_said() {
        let records = Records::in_memory("elsewhere").unwrap();
        let owner = || Owner { issuer: "here".to_owned(), user: "bob".to_owned() };
        let all = records.read(move |records| owner().transactions(records, None)).await.unwrap();
        assert!(all.transactions.is_empty() && all.to_string().contains("no payments"), "{all}");
        let balance = records.read(move |records| owner().balance(records)).await.unwrap();
        assert_eq!(balance.balance, 0);
    }
}
