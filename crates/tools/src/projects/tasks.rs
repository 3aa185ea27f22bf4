//! Tasks.

use std::fmt;

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::records::{self, choice_name};
use crate::tool::{Call, Did, Failure, Nothing};

pub(super) async fn create(call: Call, input: NewTask) -> Result<Did<Task>, Failure> {
    let task = call.records.write(move |records| {
        records::ensure_room(records, "task")?;
        // A project is named by its first task: "Website" joins "website".
        let project = input.project.trim();
        let known = "SELECT project FROM task WHERE project = ?1 ORDER BY id LIMIT 1";
        let known: Option<String> =
            records.query_row(known, [project], |row| row.get(0)).optional()?;
        let insert = "INSERT INTO task (project, title, assignee, state, due)
                      VALUES (?1, ?2, ?3, 'todo', ?4) RETURNING *";
        let project = known.as_deref().unwrap_or(project);
        let due = input.due.to_string();
        let values = (project, input.title.trim(), input.assignee.trim(), due);
        Ok(records.query_row(insert, values, read)?)
    });
    Ok(Did { what: "Created", record: task.await? })
}

pub(super) async fn list(call: Call, input: Which) -> Result<Tasks, Failure> {
    let tasks = call.records.read(move |records| {
        select(
            records,
            "SELECT * FROM task WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR state = ?2)
             AND (?3 IS NULL OR assignee = ?3 COLLATE NOCASE) ORDER BY due, id",
            (
                input.project.as_deref().map(str::trim),
                input.state.as_ref().map(choice_name),
                input.assignee.as_deref().map(str::trim),
            ),
        )
    });
    Ok(Tasks { tasks: tasks.await? })
}

pub(super) async fn set_state(call: Call, input: SetState) -> Result<Did<Task>, Failure> {
    let task = call.records.write(move |records| {
        let update = "UPDATE task SET state = ?2 WHERE id = ?1 RETURNING *";
        let task = records.query_row(update, (input.id, choice_name(&input.state)), read);
        task.optional()?.ok_or_else(|| {
            Failure::caller(format!(
                "no task has the id {}; project_list_tasks shows all",
                input.id
            ))
        })
    });
    Ok(Did { what: "Set", record: task.await? })
}

pub(super) async fn overdue(call: Call, _: Nothing) -> Result<Tasks, Failure> {
    let tasks = call.records.read(|records| {
        let query = "SELECT * FROM task WHERE state <> 'done' AND due < ?1 ORDER BY due, id";
        select(records, query, [today()])
    });
    Ok(Tasks { tasks: tasks.await? })
}

/// Today where the server stands, as the records keep it.
pub(super) fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

fn select(records: &Connection, query: &str, values: impl Params) -> Result<Vec<Task>, Failure> {
    let mut query = records.prepare(query)?;
    Ok(query.query_map(values, read)?.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        id: row.get("id")?,
        project: row.get("project")?,
        title: row.get("title")?,
        assignee: row.get("assignee")?,
        state: records::choice(row, "state")?,
        due: records::date(row, "due")?,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTask {
    /// The project, such as website. A new name starts a new project.
    #[schemars(length(min = 1, max = 100))]
    project: String,
    /// What is to be done.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// Who is to do it.
    #[schemars(length(min = 1, max = 100))]
    assignee: String,
    /// The last day on which it is in time, such as 2026-03-31.
    due: Date,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only tasks of this project. Without it: all.
    #[schemars(length(min = 1, max = 100))]
    project: Option<String>,
    /// Only tasks in this state. Without it: all.
    state: Option<State>,
    /// Only tasks of this person. Without it: all.
    #[schemars(length(min = 1, max = 100))]
    assignee: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetState {
    /// The id of the task, from project_list_tasks.
    #[schemars(range(min = 1))]
    id: i64,
    /// Its new state.
    state: State,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum State {
    Blocked,
    Done,
    InProgress,
    Todo,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Tasks {
    /// The one that is due first stands first.
    tasks: Vec<Task>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Task {
    id: i64,
    project: String,
    title: String,
    assignee: String,
    state: State,
    due: Date,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, project, title, assignee, state, due } = self;
        write!(f, "{project}: {title}, {assignee}, due {due}: {} (id {id})", choice_name(state))
    }
}

impl fmt::Display for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tasks.is_empty() {
            return write!(f, "There are no such tasks.");
        }
        match self.tasks.len() {
            1 => write!(f, "1 task:")?,
            count => write!(f, "{count} tasks:")?,
        }
        self.tasks.iter().try_for_each(|task| write!(f, "\n{task}"))
    }
}
