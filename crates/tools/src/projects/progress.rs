//! How far projects are, counted from their tasks.

use std::fmt;

use rusqlite::{OptionalExtension, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tasks;
use crate::tool::{Call, Failure, Nothing};

const COUNT: &str = "SELECT project, count(*) AS tasks,
        count(*) FILTER (WHERE state = 'todo') AS todo,
        count(*) FILTER (WHERE state = 'in_progress') AS in_progress,
        count(*) FILTER (WHERE state = 'blocked') AS blocked,
        count(*) FILTER (WHERE state = 'done') AS done,
        count(*) FILTER (WHERE state <> 'done' AND due < ?1) AS overdue
    FROM task";

pub(super) async fn of_project(call: Call, input: Which) -> Result<Progress, Failure> {
    let progress = call.records.read(move |records| {
        let query = format!("{COUNT} WHERE project = ?2 GROUP BY project");
        let found = records.query_row(&query, (tasks::today(), input.project.trim()), read);
        found.optional()?.ok_or_else(|| {
            Failure::caller(format!(
                "no project is called \"{}\"; project_summary shows all",
                input.project
            ))
        })
    });
    progress.await
}

pub(super) async fn summary(call: Call, _: Nothing) -> Result<Summary, Failure> {
    let projects = call.records.read(|records| {
        let mut query = records.prepare(&format!("{COUNT} GROUP BY project ORDER BY project"))?;
        Ok(query.query_map([tasks::today()], read)?.collect::<Result<_, _>>()?)
    });
    Ok(Summary { projects: projects.await? })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Progress> {
    let (tasks, done): (u32, u32) = (row.get("tasks")?, row.get("done")?);
    Ok(Progress {
        project: row.get("project")?,
        tasks,
        todo: row.get("todo")?,
        in_progress: row.get("in_progress")?,
        blocked: row.get("blocked")?,
        done,
        overdue: row.get("overdue")?,
        // Rounded down: 100 means that everything is done.
        percent_done: done * 100 / tasks.max(1),
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// The project, such as website.
    #[schemars(length(min = 1, max = 100))]
    project: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    projects: Vec<Progress>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Progress {
    project: String,
    /// How many tasks it has.
    tasks: u32,
    todo: u32,
    in_progress: u32,
    blocked: u32,
    done: u32,
    /// How many are not done and should have been before today.
    overdue: u32,
    percent_done: u32,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, tasks, todo, in_progress, blocked, done, overdue, percent_done } = self;
        write!(f, "{project}: {done} of {tasks} tasks done ({percent_done} %), {todo} to do, ")?;
        write!(f, "{in_progress} in progress, {blocked} blocked, {overdue} overdue")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.projects.is_empty() {
            return write!(f, "There are no projects.");
        }
        write!(f, "{} projects:", self.projects.len())?;
        self.projects.iter().try_for_each(|project| write!(f, "\n{project}"))
    }
}
