//! Projects: their tasks, and how far they are.

mod progress;
mod tasks;

use crate::tool::{Effect, Tool};

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "project_create_task",
            "Create a task",
            Effect::Adds,
            "Creates a task in a project, in the state todo. A project exists as soon as it \
             has a task. Returns the new id.",
            tasks::create,
        ),
        Tool::new(
            "project_list_tasks",
            "List tasks",
            Effect::Reads,
            "Lists tasks with their ids, states and due days: all of them, those of one \
             project, those in one state, or those of one assignee.",
            tasks::list,
        ),
        Tool::new(
            "project_set_task_state",
            "Set a task's state",
            Effect::Replaces,
            "Sets the state of a task, by its id from project_list_tasks.",
            tasks::set_state,
        ),
        Tool::new(
            "project_progress",
            "Progress of a project",
            Effect::Reads,
            "Tells how many tasks of one project are in each state, and what share is done.",
            progress::of_project,
        ),
        Tool::new(
            "project_overdue_tasks",
            "Overdue tasks",
            Effect::Reads,
            "Lists the tasks of all projects that should have been done before today and are \
             not, the longest overdue first.",
            tasks::overdue,
        ),
        Tool::new(
            "project_summary",
            "Summary of projects",
            Effect::Reads,
            "Tells of every project how many tasks it has, how many are done and how many \
             are overdue.",
            progress::summary,
        ),
    ]
}
