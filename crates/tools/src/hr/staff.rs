//! Employees.

use std::fmt;

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::records;
use crate::tool::{Call, Did, Failure};

pub(super) async fn list(call: Call, input: Which) -> Result<Employees, Failure> {
    let employees = call.records.read(move |records| {
        let mut query = records.prepare(
            "SELECT * FROM employee
             WHERE ?1 IS NULL OR department = ?1 COLLATE NOCASE ORDER BY id",
        )?;
        let rows = query.query_map([input.department.as_deref().map(str::trim)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    Ok(Employees { employees: employees.await? })
}

pub(super) async fn add(call: Call, input: NewEmployee) -> Result<Did<Employee>, Failure> {
    let employee = call.records.write(move |records| {
        records::ensure_room(records, "employee")?;
        let same = "SELECT name FROM employee WHERE email = ?1";
        let holder: Option<String> =
            records.query_row(same, [&input.email], |row| row.get(0)).optional()?;
        if let Some(name) = holder {
            return Err(Failure::caller(format!(
                "the e-mail address {} is {name}'s already; nothing was added",
                input.email
            )));
        }
        let insert = "INSERT INTO employee (name, email, department, position, start_date)
                      VALUES (?1, ?2, ?3, ?4, ?5) RETURNING *";
        let start = input.start_date.unwrap_or_else(today).to_string();
        let (department, position) = (input.department.trim(), input.position.trim());
        let values = (input.name.trim(), &input.email, department, position, start);
        Ok(records.query_row(insert, values, read)?)
    });
    Ok(Did { what: "Added", record: employee.await? })
}

/// The name of an employee, or the sentence that says there is no such employee.
pub(super) fn name(records: &Connection, id: i64) -> Result<String, Failure> {
    let found = records
        .query_row("SELECT name FROM employee WHERE id = ?1", [id], |row| row.get(0))
        .optional()?;
    found.ok_or_else(|| {
        Failure::caller(format!("no employee has the id {id}; hr_list_employees shows all"))
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Employee> {
    Ok(Employee {
        id: row.get("id")?,
        name: row.get("name")?,
        email: row.get("email")?,
        department: row.get("department")?,
        position: row.get("position")?,
        start_date: records::date(row, "start_date")?,
    })
}

fn today() -> Date {
    jiff::Zoned::now().date()
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only this department, such as Sales. Without it: all.
    #[schemars(length(min = 1, max = 100))]
    department: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEmployee {
    /// The full name.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// The e-mail address, which nobody else may have.
    #[schemars(length(min = 3, max = 200), extend("format" = "email"))]
    email: String,
    /// The department, such as Sales.
    #[schemars(length(min = 1, max = 100))]
    department: String,
    /// What the employee does, such as Engineer.
    #[schemars(length(min = 1, max = 100))]
    position: String,
    /// The first day of work, such as 2026-03-31. Without it: today.
    start_date: Option<Date>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Employees {
    employees: Vec<Employee>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Employee {
    id: i64,
    name: String,
    email: String,
    department: String,
    position: String,
    start_date: Date,
}

impl fmt::Display for Employee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, email, department, position, start_date } = self;
        write!(f, "{name} <{email}>, {position}, {department}, since {start_date} (id {id})")
    }
}

impl fmt::Display for Employees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.employees.is_empty() {
            return write!(f, "There are no such employees.");
        }
        write!(f, "{} employees:", self.employees.len())?;
        self.employees.iter().try_for_each(|employee| write!(f, "\n{employee}"))
    }
}
