//! Customers.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::records::{self, choice_name};
use crate::tool::{Call, Did, Failure};

pub(super) async fn list(call: Call, input: Which) -> Result<Customers, Failure> {
    let customers = call.records.read(move |records| {
        let mut query = records
            .prepare("SELECT * FROM customer WHERE ?1 IS NULL OR status = ?1 ORDER BY id")?;
        let rows = query.query_map([input.status.as_ref().map(choice_name)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    Ok(Customers { customers: customers.await? })
}

pub(super) async fn add(call: Call, input: NewCustomer) -> Result<Did<Customer>, Failure> {
    let customer = call.records.write(move |records| {
        records::ensure_room(records, "customer")?;
        let same = "SELECT name FROM customer WHERE email = ?1";
        let holder: Option<String> =
            records.query_row(same, [&input.email], |row| row.get(0)).optional()?;
        if let Some(name) = holder {
            return Err(Failure::caller(format!(
                "the e-mail address {} is {name}'s already; nothing was added",
                input.email
            )));
        }
        let insert = "INSERT INTO customer (name, email, status) VALUES (?1, ?2, ?3) RETURNING *";
        let values = (input.name.trim(), &input.email, choice_name(&input.status));
        Ok(records.query_row(insert, values, read)?)
    });
    Ok(Did { what: "Added", record: customer.await? })
}

pub(super) async fn set_status(call: Call, input: SetStatus) -> Result<Did<Customer>, Failure> {
    let customer = call.records.write(move |records| {
        let update = "UPDATE customer SET status = ?2 WHERE id = ?1 RETURNING *";
        let customer = records.query_row(update, (input.id, choice_name(&input.status)), read);
        customer.optional()?.ok_or_else(|| no_such(input.id))
    });
    Ok(Did { what: "Set", record: customer.await? })
}

/// The name of a customer, or the sentence that says there is no such customer.
pub(super) fn name(records: &Connection, id: i64) -> Result<String, Failure> {
    let name = "SELECT name FROM customer WHERE id = ?1";
    let name = records.query_row(name, [id], |row| row.get(0)).optional()?;
    name.ok_or_else(|| no_such(id))
}

fn no_such(id: i64) -> Failure {
    Failure::caller(format!("no customer has the id {id}; crm_list_customers shows all"))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Customer> {
    Ok(Customer {
        id: row.get("id")?,
        name: row.get("name")?,
        email: row.get("email")?,
        status: records::choice(row, "status")?,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only customers with this status. Without it: all.
    status: Option<Status>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCustomer {
    /// The name of the person or the company.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// The e-mail address, which no other customer may have.
    #[schemars(length(min = 3, max = 200), extend("format" = "email"))]
    email: String,
    /// How far the customer is.
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetStatus {
    /// The id of the customer, from crm_list_customers.
    #[schemars(range(min = 1))]
    id: i64,
    /// The new status.
    status: Status,
}

#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Status {
    Active,
    Inactive,
    #[default]
    Lead,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Customers {
    customers: Vec<Customer>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Customer {
    id: i64,
    name: String,
    email: String,
    status: Status,
}

impl fmt::Display for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, email, status } = self;
        write!(f, "{name} <{email}>: {} (id {id})", choice_name(status))
    }
}

impl fmt::Display for Customers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.customers.is_empty() {
            return write!(f, "There are no such customers.");
        }
        write!(f, "{} customers:", self.customers.len())?;
        self.customers.iter().try_for_each(|customer| write!(f, "\n{customer}"))
    }
}
