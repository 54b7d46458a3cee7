//! The JSON documents of the commands beside the tables of `docs/cli.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

/// The tables, by the commands in their headings, and the members that were seen.
pub struct Documents {
    tables: BTreeMap<String, Vec<Member>>,
    seen: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Clone)]
struct Member {
    path: String,
    /// Only there if it applies.
    optional: bool,
}

impl Documents {
    /// Reads the page.
    pub fn read() -> Self {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
        let text = fs::read_to_string(page).expect("the page is there");
        let mut tables = BTreeMap::<String, Vec<Member>>::new();
        let mut commands = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("### ") {
                let names = heading.split('`').skip(1).step_by(2);
                commands = names.map(str::to_owned).collect();
            } else if let Some(cell) = line.strip_prefix("| `").filter(|_| !commands.is_empty()) {
                let cell = cell.split(" | ").next().unwrap_or_default();
                let members = cell.split(", ").map(|name| Member {
                    path: name.trim_end_matches('?').trim_matches('`').to_owned(),
                    optional: name.ends_with('?'),
                });
                let members: Vec<_> = members.collect();
                for command in &commands {
                    let table = tables.entry(command.clone()).or_default();
                    table.extend(members.iter().cloned());
                }
            }
        }
        assert!(tables.len() > 20, "{:?}", tables.keys());
        Self {
            tables,
            seen: BTreeMap::new(),
        }
    }

    /// Checks that every member of a document of this command is in its table.
    ///
    /// # Panics
    /// One is not.
    pub fn check(&mut self, command: &str, document: &Value) {
        assert_eq!(document["schemaVersion"], 1, "{command}: {document}");
        let table = self.tables.get(command).expect(command);
        let seen = self.seen.entry(command.to_owned()).or_default();
        let mut rest = document.clone();
        rest.as_object_mut()
            .expect("an object")
            .remove("schemaVersion");
        collect(table, "", &rest, &mut |path| {
            let rows = table.iter().filter(|member| matches(&member.path, path));
            let rows: Vec<_> = rows.map(|member| member.path.clone()).collect();
            assert!(
                !rows.is_empty(),
                "{command}: {path} is not in docs/cli.md: {document}"
            );
            seen.extend(rows);
        });
    }

    /// Checks that every member was seen in the tables of this program's commands.
    ///
    /// # Panics
    /// One was not.
    pub fn assert_all_seen(&self, program: &str) {
        for command in self
            .tables
            .keys()
            .filter(|command| command.starts_with(program))
        {
            self.assert_seen(command, |member| !member.optional);
        }
    }

    /// Checks that every member was seen in the table of this command, also those that are only there if they apply.
    ///
    /// # Panics
    /// One was not.
    pub fn assert_whole(&self, command: &str) {
        self.assert_seen(command, |_| true);
    }

    fn assert_seen(&self, command: &str, wanted: impl Fn(&&Member) -> bool) {
        let seen = self.seen.get(command);
        let seen = seen.unwrap_or_else(|| panic!("{command} was not run"));
        let members = self.tables[command].iter().filter(wanted);
        let paths = members.map(|member| &member.path);
        let missing: Vec<_> = paths.filter(|path| !seen.contains(*path)).collect();
        assert!(
            missing.is_empty(),
            "{command} has never printed {missing:?}"
        );
    }
}

/// Passes the path of each member, at every level that the table has.
fn collect(table: &[Member], path: &str, value: &Value, take: &mut impl FnMut(&str)) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = below(name);
                let elements = format!("{path}[]");
                match value {
                    // Scalars of an array have no names.
                    Value::Array(values) if !has_any(table, &path) => {
                        take(&path);
                        for value in values {
                            collect(table, &elements, value, take);
                        }
                    }
                    value => {
                        take_unless_inner(table, &path, value, take);
                        collect(table, &path, value, take);
                    }
                }
            }
        }
        Value::Array(values) if !has_any(table, path) => {
            for value in values {
                collect(table, &format!("{path}[]"), value, take);
            }
        }
        _ => {}
    }
}

/// Takes a path. An object in a map (`rateLimits.*.limited`) needs no row of its own.
fn take_unless_inner(table: &[Member], path: &str, value: &Value, take: &mut impl FnMut(&str)) {
    let has_row = table.iter().any(|member| matches(&member.path, path));
    let has_inner = table.iter().any(|member| {
        let parent = member.path.rsplit_once('.').map(|(parent, _)| parent);
        parent.is_some_and(|parent| parent.contains('*') && matches(parent, path))
    });
    if has_row || !(value.is_object() && has_inner) {
        take(path);
    }
}

/// Returns true if any JSON may be below this path.
fn has_any(table: &[Member], path: &str) -> bool {
    let any = format!("{path}.**");
    table
        .iter()
        .any(|member| member.path == any || matches(&member.path, &any))
}

/// Compares a path with one of the table, in which `*` is any name and a last `**` anything.
fn matches(pattern: &str, path: &str) -> bool {
    match (pattern.split_once('.'), path.split_once('.')) {
        _ if pattern == "**" => true,
        (Some((first, pattern)), Some((name, path))) => {
            (first == "*" || first == name) && matches(pattern, path)
        }
        (None, None) => pattern == "*" || pattern == path,
        _ => false,
    }
}
