//! What a client does when told nothing: shows in four steps what the server makes of it.

use serde_json::{Value, json};

use crate::hint::counted;
use crate::output::{Output, Style};
use crate::render::{columns, result_lines};
use crate::run::succeeded;
use crate::{CallToolResult, Connection, Error, JsonObject, Program, Tool};

/// Walks through: who am I, what may I call, a call, a refused call.
pub(crate) async fn tour(
    connection: &Connection,
    url: &str,
    program: &Program,
    output: Output,
) -> Result<(), Error> {
    output.line(&format!("Connected to {url}, protocol {}.", connection.negotiated_version()));

    output.styled(Style::Bold, "\n1. Who am I?  (whoami)");
    let whoami = succeeded(connection.call("whoami", JsonObject::new()).await?)?;
    show(output, &whoami);

    let tools = connection.list_tools().await?;
    let count = counted(tools.len(), "tool");
    output.styled(Style::Bold, &format!("\n2. What may I call?  ({count})"));
    for line in tool_lines(&tools) {
        output.line(&format!("   {line}"));
    }

    let name = allowed_call(&tools);
    output.styled(Style::Bold, &format!("\n3. A call that is allowed  ({name})"));
    let allowed = succeeded(connection.call(name, JsonObject::new()).await?)?;
    show(output, &allowed);

    let refused = refused_call(connection, &whoami, output).await?;

    output.styled(Style::Dim, &format!("\nNext: cargo run -p {} -- --help", program.client));
    if output.json {
        output.document(&json!({
            "url": url,
            "protocol": connection.negotiated_version(),
            "whoami": whoami.structured_content,
            "tools": tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
            "allowed": { "tool": name, "result": allowed },
            "refused": refused,
        }));
    }
    Ok(())
}

/// A tool per line, with the first sentence of its description.
pub(crate) fn tool_lines(tools: &[Tool]) -> Vec<String> {
    let row = |tool: &Tool| {
        let description = tool.description.as_deref().unwrap_or_default();
        let line = description.lines().next().unwrap_or_default();
        let sentence = line.split_once(". ").map_or(line, |(sentence, _)| sentence);
        vec![tool.name.to_string(), sentence.trim_end_matches('.').to_owned()]
    };
    columns(&tools.iter().map(row).collect::<Vec<_>>())
}

/// A tool that needs no arguments: the time where it may be asked for; whoami always may.
fn allowed_call(tools: &[Tool]) -> &'static str {
    if tools.iter().any(|tool| tool.name == "get_time") { "get_time" } else { "whoami" }
}

/// Calls the first tool that `whoami` says is not for this caller; its refusal is the success.
async fn refused_call(
    connection: &Connection,
    whoami: &CallToolResult,
    output: Output,
) -> Result<Value, Error> {
    let refused = whoami.structured_content.as_ref().map(|whoami| &whoami["refused"]);
    let Some(tool) = refused.and_then(|tools| tools[0].as_str()) else {
        output.styled(Style::Bold, "\n4. A call that is refused");
        output.line("   Skipped: there is no tool here that you may not call.");
        return Ok(Value::Null);
    };
    output.styled(Style::Bold, &format!("\n4. A call that is refused  ({tool})"));
    match connection.call(tool, JsonObject::new()).await {
        Err(error) if error.is_refusal() => {
            let refusal = error.refusal().expect("it has just said that it is one");
            output.styled(
                Style::Good,
                &format!("   Refused with {}, as it should be.", refusal.status),
            );
            output.refusal(refusal);
            Ok(json!({ "tool": tool, "refusal": refusal }))
        }
        Err(error) => Err(error),
        Ok(_) => {
            output.styled(Style::Bad, "   It was not refused.");
            Err(Error::Unexpected(format!(
                "The server answered {tool}, although whoami says that you may not call it."
            )))
        }
    }
}

fn show(output: Output, result: &CallToolResult) {
    for line in result_lines(result) {
        output.line(&format!("   {line}"));
    }
}
