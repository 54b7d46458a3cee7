use proptest::prelude::*;

use crate::query::{Query, QueryError};

fn refused(query: &str) -> QueryError {
    Query::parse(query).expect_err(query)
}

#[test]
fn a_refusal_says_where_and_what_was_expected() {
    for (query, position, message) in [
        ("", 1, "expected SELECT, found the end of the query"),
        (
            "SELECT * FROM devices WHERE 1 IN [2, tags.floor]",
            38,
            "a list holds constants only",
        ),
        ("DROP TABLE devices", 1, "expected SELECT, found DROP"),
        ("SELECT * FORM devices", 10, "expected FROM, found FORM"),
        (
            "SELECT FROM devices",
            8,
            "expected *, an attribute or COUNT(), found the keyword FROM: write [[FROM]] for the name",
        ),
        (
            "SELECT *, deviceId FROM devices",
            9,
            "expected FROM, found ','",
        ),
        (
            "SELECT * FROM devices d",
            23,
            "expected WHERE, GROUP BY or the end of the query, found d",
        ),
        (
            "SELECT * FROM devices WHERE",
            28,
            "expected a value, an attribute or a function, found the end of the query",
        ),
        (
            "SELECT * FROM devices WHERE a = ",
            33,
            "expected a value, an attribute or a function, found the end of the query",
        ),
        (
            "SELECT * FROM devices WHERE (a = 1",
            35,
            "expected ')', found the end of the query",
        ),
        (
            "SELECT * FROM devices WHERE a = 1 b",
            35,
            "expected an operator, GROUP BY or the end of the query, found b",
        ),
        (
            "SELECT * FROM devices WHERE a IN ('b')",
            34,
            "IN and NIN require a list: ['a', 'b']",
        ),
        (
            "SELECT * FROM devices WHERE tags.group = 1",
            34,
            "expected an attribute name, found the keyword group: write [[group]] for the name",
        ),
        (
            "SELECT * FROM devices WHERE a = 'b",
            33,
            "unterminated string",
        ),
        (
            r"SELECT * FROM devices WHERE a = 'b\n'",
            35,
            r#"invalid escape: allowed are \', \", \\ and \uXXXX"#,
        ),
        (
            r"SELECT * FROM devices WHERE a = '\u+12f'",
            34,
            r#"invalid escape: allowed are \', \", \\ and \uXXXX"#,
        ),
        (
            "SELECT * FROM devices WHERE a = 1x",
            33,
            "invalid number \"1x\"",
        ),
        (
            "SELECT * FROM devices WHERE a = 1e999",
            33,
            "invalid number \"1e999\"",
        ),
        (
            "SELECT * FROM devices WHERE a ; b",
            31,
            "unexpected character ';'",
        ),
        (
            "SELECT * FROM devices WHERE tags[1.5] = 1",
            34,
            "an array index must be an integer from 0",
        ),
        (
            "SELECT * FROM devices WHERE IS_DEFINED(a, b)",
            29,
            "wrong number of arguments of IS_DEFINED: expected 1, found 2",
        ),
        (
            "SELECT TOP 0 * FROM devices",
            12,
            "TOP requires an integer from 1",
        ),
        (
            "SELECT TOP x * FROM devices",
            12,
            "expected the number of rows, found x",
        ),
        (
            "SELECT COUNT(*) AS n FROM devices",
            14,
            "expected ')', found '*'",
        ),
        (
            "SELECT MEDIAN(a) AS n FROM devices",
            8,
            "expected COUNT, AVG, SUM, MIN or MAX, found MEDIAN",
        ),
        (
            "SELECT a, tags.a FROM devices",
            11,
            "a is selected twice: rename one with AS",
        ),
        (
            "SELECT a, COUNT() AS n FROM devices",
            8,
            "expected an aggregate or the attribute of GROUP BY",
        ),
        (
            "SELECT a FROM devices GROUP BY b",
            8,
            "expected an aggregate or the attribute of GROUP BY",
        ),
        (
            "SELECT a FROM devices GROUP BY a, b",
            33,
            "GROUP BY supports one attribute only",
        ),
    ] {
        let expected = QueryError::at(position, message);
        assert_eq!(refused(query), expected, "{query}");
    }
}

#[test]
fn what_this_cloud_does_not_have_is_refused_by_name() {
    for (query, part) in [
        (
            "SELECT * FROM devices.modules",
            "FROM devices.modules is not supported: use FROM devices",
        ),
        (
            "SELECT * FROM devices.jobs",
            "FROM devices.jobs is not supported: use FROM devices",
        ),
        (
            "SELECT * FROM digitaltwins",
            "FROM digitaltwins is not supported: use FROM devices",
        ),
        (
            "SELECT * FROM devices ORDER BY deviceId",
            "ORDER BY is not supported",
        ),
        (
            "SELECT * FROM devices WHERE LOWER(deviceId) = 'a'",
            "LOWER is a function of message routing",
        ),
        (
            "SELECT * FROM devices WHERE NOW() = 'a'",
            "unknown function NOW",
        ),
        (
            "SELECT * FROM devices GROUP BY status",
            "SELECT * cannot be combined with GROUP BY",
        ),
    ] {
        assert!(refused(query).message.contains(part), "{}", refused(query));
    }
}

#[test]
fn a_query_has_an_end_and_a_depth() {
    let long = format!(
        "SELECT * FROM devices WHERE deviceId = '{}'",
        "x".repeat(8192)
    );
    assert_eq!(refused(&long).message, "longer than 8192 characters");
    for deep in ["(", "[", "NOT ", "-", "IS_DEFINED(", "1 + ", "1 = "] {
        let query = format!("SELECT * FROM devices WHERE {}", deep.repeat(65));
        assert_eq!(
            refused(&query).message,
            "a condition must not nest deeper than 64",
            "{deep}"
        );
    }
    let wide = vec!["deviceId = 'a'"; 450].join(" OR ");
    assert!(Query::parse(&format!("SELECT * FROM devices WHERE {wide}")).is_ok());
}

/// Something like a query.
fn jumble() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "SELECT",
        "*",
        "FROM",
        "devices",
        "WHERE",
        "GROUP",
        "BY",
        "TOP",
        "AS",
        "COUNT(",
        "AND",
        "OR",
        "NOT",
        "IN",
        "(",
        ")",
        "[",
        "]",
        "[[",
        "]]",
        ",",
        ".",
        "'",
        "\"",
        "\\",
        "=",
        "<",
        "-",
        "1",
        "0x",
        "1e",
        "tags",
        "deviceId",
        "IS_DEFINED(",
        "null",
        "é",
    ]);
    let words = prop::collection::vec((words, prop::sample::select(vec!["", " "])), 0..40);
    words.prop_map(|words| {
        words
            .into_iter()
            .flat_map(|(word, space)| [word, space])
            .collect()
    })
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(text in ".{0,80}", jumble in jumble()) {
        for text in [&text, &jumble, &format!("SELECT * FROM devices WHERE {jumble}")] {
            if let Err(error) = Query::parse(text) {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.position), "{text}: {error}");
            }
        }
    }
}
