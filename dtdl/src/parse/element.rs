//! Elements: objects with a class, a name and localized texts.

use super::{
    central,
    class::{COMMON, Class, INTERFACE, is_class},
    context::{self, IOT_CENTRAL},
    diagnostic::Diagnostic,
    node::Node,
    text,
};
use crate::{
    describe::describe,
    dialect::{Dialect, Language, MAX_DESCRIPTION},
    dtmi::Dtmi,
    name::is_name,
    text::EntityInfo,
    unit::{self, Unit},
};

/// An element of a class, with `@type` and members checked.
#[derive(Debug)]
pub(super) struct Element<'d> {
    pub(super) node: Node<'d>,
    pub(super) language: Language,
    /// Types beside the class.
    types: Vec<&'d str>,
}

impl<'d> Element<'d> {
    pub(super) fn new(
        node: Node<'d>,
        class: &Class,
        language: Language,
    ) -> Result<Self, Diagnostic> {
        node.members()?;
        let types = co_types(&node, class, language.dialect)?;
        context::language(&node, Some(language))?;
        let element = Self {
            node,
            language,
            types,
        };
        element.check_members(class)?;
        if !element.has_preview_id(class) {
            element.id()?;
        }
        Ok(element)
    }

    /// Returns an optional member; `None` for an empty array too.
    pub(super) fn get(&self, name: &str) -> Option<Node<'d>> {
        let node = self.node.member(name);
        let node = node.or_else(|| self.node.member(&self.full(name)));
        node.filter(|node| node.value.as_array().is_none_or(|set| !set.is_empty()))
    }

    /// Returns a required member.
    pub(super) fn require(&self, name: &str) -> Result<Node<'d>, Diagnostic> {
        self.get(name)
            .ok_or_else(|| self.node.error(format!("missing member {name:?}")))
    }

    /// Returns the elements of a set; none if it is missing.
    pub(super) fn set(&self, name: &str) -> Vec<Node<'d>> {
        self.get(name).map(|node| node.set()).unwrap_or_default()
    }

    pub(super) fn name(&self) -> Result<String, Diagnostic> {
        let node = self.require("name")?;
        let name = node.text()?;
        let max = self.language.dialect.limits().name;
        if !is_name(name) || name.len() > max {
            return Err(node.unexpected(&format!(
                "a name of at most {max} letters, digits and underscores that starts with a letter and does not end with an underscore"
            )));
        }
        Ok(name.to_owned())
    }

    pub(super) fn info(&self) -> Result<EntityInfo, Diagnostic> {
        let max = self.language.dialect.limits().display_name;
        let localized = |name, max| {
            let node = self.get(name);
            node.map_or(Ok(Default::default()), |node| text::localized(&node, max))
        };
        let comment = self.get("comment");
        Ok(EntityInfo {
            display_name: localized("displayName", max)?,
            description: localized("description", MAX_DESCRIPTION)?,
            comment: comment
                .map(|node| text::plain(&node, MAX_DESCRIPTION))
                .transpose()?,
        })
    }

    /// Returns the identifier, if it has one.
    pub(super) fn id(&self) -> Result<Option<Dtmi>, Diagnostic> {
        let Some(node) = self.node.member("@id") else {
            return Ok(None);
        };
        if node.value.is_array() {
            return Err(node.unexpected("a string"));
        }
        identifier(&node, self.language.dialect).map(Some)
    }

    /// Returns true if IoT Central has kept the identifier of the format before DTDL 2. Interfaces have new ones.
    fn has_preview_id(&self, class: &Class) -> bool {
        let id = self.node.member("@id");
        let id = id.and_then(|node| node.value.as_str());
        self.language.central
            && class.name != INTERFACE.name
            && id.is_some_and(|id| id.starts_with(central::PREVIEW_ID))
    }

    /// Returns semantic types and types of extensions.
    pub(super) fn semantic_types(&self) -> Vec<String> {
        self.types.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Returns the semantic type that determines the units, if it has one.
    pub(super) fn quantity(&self) -> Option<&'d str> {
        let known = |name: &&&str| unit::units_of(name).is_some();
        self.types.iter().find(known).copied()
    }

    /// Returns the unit: one of the units of a semantic type, or any unit for an unknown type or DTDL version, and under a
    /// context of IoT Central, where a humidity is in percent.
    pub(super) fn unit(&self) -> Result<Option<Unit>, Diagnostic> {
        let given = self.get("unit");
        let name = given
            .as_ref()
            .map(|node| node.text().map(term))
            .transpose()?;
        let units = self.quantity().and_then(unit::units_of);
        match (given, name, units) {
            (None, _, None) => Ok(None),
            (_, None, Some(units)) => Err(self.node.error(format!(
                "a semantic type requires a unit: {}",
                units.join(", ")
            ))),
            (Some(node), Some(name), Some(units))
                if self.language.dialect == Dialect::V2
                    && !self.language.central
                    && !units.contains(&name) =>
            {
                Err(node.unexpected(&format!("one of the units {}", units.join(", "))))
            }
            (_, name, _) => Ok(name.map(Unit::new)),
        }
    }

    /// Returns true if it has this type beside its class.
    pub(super) fn is(&self, name: &str) -> bool {
        self.types.contains(&name)
    }

    /// Checks the members. Unknown members are allowed beside an unknown type, which may define them.
    fn check_members(&self, class: &Class) -> Result<(), Diagnostic> {
        let informal = self.types.iter().any(|name| unit::units_of(name).is_none());
        let members = self.node.members()?;
        for name in members.keys() {
            let short = self.short(name);
            if short != name && members.contains_key(short) {
                return Err(self
                    .node
                    .error(format!("{short} and {name} are the same member")));
            }
            let known = COMMON.contains(&short)
                || class.members.contains(&short)
                || (self.language.central && class.central.contains(&short))
                || (short == "unit" && self.quantity().is_some());
            let keyword = name.starts_with('@');
            let tolerated = match keyword {
                true => self.language.dialect == Dialect::V2 && name != "@graph",
                false => informal,
            };
            if !known && !tolerated {
                return Err(self.unknown_member(class, name));
            }
        }
        Ok(())
    }

    fn unknown_member(&self, class: &Class, name: &str) -> Diagnostic {
        let unknown = format!(
            "unknown member {} of {}",
            describe(&name.into()),
            class.name
        );
        if class.central.contains(&name) && !self.language.central {
            return self.node.error(format!(
                "{unknown}: it needs the context {} before that of DTDL",
                IOT_CENTRAL[0]
            ));
        }
        let central = class.central.iter().filter(|_| self.language.central);
        let allowed: Vec<_> = class.members.iter().chain(central).copied().collect();
        self.node
            .error(format!("{unknown}: allowed are {}", allowed.join(", ")))
    }

    /// Returns the short name of a member that is given as an identifier of this DTDL version.
    fn short<'n>(&self, name: &'n str) -> &'n str {
        let short = term(name);
        if name == self.full(short) {
            short
        } else {
            name
        }
    }

    /// Returns the name of a member as an identifier.
    fn full(&self, name: &str) -> String {
        let version = match self.language.dialect {
            Dialect::V2 => 2,
            Dialect::V3 => 3,
        };
        format!("dtmi:dtdl:property:{name};{version}")
    }
}

/// Parses an identifier.
pub(super) fn identifier(node: &Node<'_>, dialect: Dialect) -> Result<Dtmi, Diagnostic> {
    let node = node.only()?;
    let text = node
        .value
        .as_str()
        .ok_or_else(|| node.unexpected("a string"))?;
    let id: Dtmi = text
        .parse()
        .map_err(|error| node.error(format!("{error}")))?;
    if id.is_reserved() {
        return Err(node.error(format!("{id} is reserved by DTDL")));
    }
    if !id.is_plain() && !dialect.limits().free_versions {
        return Err(node.unexpected("an identifier with a version that is one number"));
    }
    Ok(id)
}

/// Returns the short name of a DTDL term that may be given as an identifier: `double` for
/// `dtmi:dtdl:instance:Schema:double;2`.
pub(super) fn term(text: &str) -> &str {
    let ours = ["dtmi:dtdl:", "dtmi:standard:", "dtmi:iotcentral:schema:"];
    if !ours.iter().any(|prefix| text.starts_with(prefix)) {
        return text;
    }
    let path = text.split_once(';').map_or(text, |(path, _)| path);
    path.rsplit_once(':').map_or(path, |(_, term)| term)
}

/// Returns the terms in `@type`.
pub(super) fn types<'d>(node: &Node<'d>) -> Result<Vec<&'d str>, Diagnostic> {
    let Some(types) = node.member("@type") else {
        return Ok(Vec::new());
    };
    let text = |node: &Node<'d>| {
        let text = node.value.as_str();
        text.map(term).ok_or_else(|| node.unexpected("a string"))
    };
    types.set().iter().map(text).collect()
}

/// Returns the types of an element beside its class.
fn co_types<'d>(
    node: &Node<'d>,
    class: &Class,
    dialect: Dialect,
) -> Result<Vec<&'d str>, Diagnostic> {
    let mut types = types(node)?;
    types.sort_unstable();
    types.dedup();
    let quantities = types.iter().filter(|name| unit::units_of(name).is_some());
    if quantities.count() > 1 {
        return Err(node.error("more than one semantic type"));
    }
    let implied = class.implied && node.member("@type").is_none();
    if !implied && !types.contains(&class.name) {
        let found = node.member("@type").unwrap_or_else(|| node.clone());
        return Err(found.error(format!("expected the type {}", class.name)));
    }
    types.retain(|name| *name != class.name);
    for name in &types {
        let quantity = unit::units_of(name).is_some();
        let misplaced = quantity && !class.quantitative.contains(&dialect);
        if misplaced
            || is_class(name)
            || (name.starts_with("dtmi:") && name.parse::<Dtmi>().is_err())
        {
            return Err(node.error(format!(
                "{} must not also have the type {name:?}",
                class.name
            )));
        }
    }
    Ok(types)
}
