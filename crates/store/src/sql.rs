//! Statements: one text for both databases, each a constant with a name.
//!
//! A text is written for PostgreSQL and read by SQLite after three small changes, so that nothing is
//! written twice: `$1` becomes `?1`; `IN keys($1)` and `IN numbers($1)`, one of the texts or integers of a
//! JSON array, and `instr` have their own spelling in each; what only PostgreSQL needs (row locks) stands in `/*pg … */`, a comment to SQLite.
//!
//! Not here: how they are run (`tx`). Every statement is listed, and a test prepares each on both databases.

use std::sync::OnceLock;

/// One statement of the store.
#[derive(Debug)]
pub(crate) struct Sql {
    name: &'static str,
    text: &'static str,
    lite: OnceLock<String>,
    pg: OnceLock<String>,
}

impl Sql {
    pub(crate) const fn new(name: &'static str, text: &'static str) -> Sql {
        Sql {
            name,
            text,
            lite: OnceLock::new(),
            pg: OnceLock::new(),
        }
    }

    /// Names the statement in errors; carries no data.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn lite(&self) -> &str {
        self.lite.get_or_init(|| for_lite(self.text))
    }

    pub(crate) fn pg(&self) -> &str {
        self.pg.get_or_init(|| for_pg(self.text))
    }
}

/// Declares the statements of a file, and `STATEMENTS`, the list of them.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* static $name: $crate::sql::Sql = $crate::sql::Sql::new(stringify!($name), $text);)*
        #[cfg(test)]
        pub(crate) static STATEMENTS: &[&$crate::sql::Sql] = &[$(&$name),*];
    };
}
pub(crate) use statements;

const KEYS: &str = "keys(";
const NUMBERS: &str = "numbers(";

fn for_lite(text: &str) -> String {
    let text = replace_call(text, KEYS, "(SELECT value FROM json_each(", "))");
    let text = replace_call(&text, NUMBERS, "(SELECT value FROM json_each(", "))");
    text.replace('$', "?")
}

fn for_pg(text: &str) -> String {
    const OF_KEYS: &str = "(SELECT jsonb_array_elements_text(CAST(CAST(";
    const OF_NUMBERS: &str = "(SELECT CAST(jsonb_array_elements_text(CAST(CAST(";
    let text = replace_call(
        text,
        "NOT IN keys(",
        &format!("NOT IN {OF_KEYS}"),
        " AS TEXT) AS JSONB)))",
    );
    // As an array: where rows are locked, PostgreSQL would compare all of the portal's with a subselect.
    let text = replace_call(
        &text,
        "IN keys(",
        &format!("= ANY (ARRAY{OF_KEYS}"),
        " AS TEXT) AS JSONB))))",
    );
    let text = replace_call(
        &text,
        "IN numbers(",
        &format!("= ANY (ARRAY{OF_NUMBERS}"),
        " AS TEXT) AS JSONB)) AS BIGINT)))",
    );
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("/*pg ") {
        let (only_pg, after) = after.split_once("*/").unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(only_pg);
        rest = after;
    }
    out.push_str(rest);
    out.replace("instr(", "strpos(")
}

/// With `call` = `keys(`, `keys($3)` becomes `open` `$3` `close`.
fn replace_call(text: &str, call: &str, open: &str, close: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(call) {
        let (parameter, after) = after.split_once(')').unwrap_or((after, ""));
        out.push_str(before);
        out.push_str(open);
        out.push_str(parameter);
        out.push_str(close);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_reads_rightly_in_both_dialects() {
        let sql = Sql::new(
            "S",
            "SELECT a FROM t WHERE a IN keys($2) AND c NOT IN keys($3) AND instr(b, $1) > 0 /*pg FOR UPDATE */",
        );
        assert_eq!(
            sql.lite(),
            "SELECT a FROM t WHERE a IN (SELECT value FROM json_each(?2)) AND c NOT IN (SELECT value FROM json_each(?3)) \
             AND instr(b, ?1) > 0 /*pg FOR UPDATE */"
        );
        assert_eq!(
            sql.pg(),
            "SELECT a FROM t WHERE a = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(CAST($2 AS TEXT) AS JSONB)))) \
             AND c NOT IN (SELECT jsonb_array_elements_text(CAST(CAST($3 AS TEXT) AS JSONB))) AND strpos(b, $1) > 0 FOR UPDATE "
        );
    }
}
