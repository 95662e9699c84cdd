//! The rules, each a plain function from what cargo says to violations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result};

use super::layer::Layer;
use super::{Declared, DeclaredPackage};
use crate::workspace::{DependencyKind, Metadata, Package};

/// One edge or package that breaks a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Violation {
    /// `alavanca-a -> alavanca-b`, or what else is at fault.
    place: String,
    rule: String,
}

impl Violation {
    pub(crate) fn new(place: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { place: place.into(), rule: rule.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.rule)
    }
}

/// The package that lives in a folder of this name.
pub(crate) fn package_name(folder: &str) -> String {
    if folder == "app" { "alavanca".to_owned() } else { format!("alavanca-{folder}") }
}

/// Names, folders and edges: what the manifests declare is what graph.toml declares, and both keep to the layers.
pub(crate) fn edges(declared: &Declared, metadata: &Metadata) -> Vec<Violation> {
    let mut violations = Vec::new();
    let by_name: BTreeMap<String, &str> =
        declared.packages.keys().map(|folder| (package_name(folder), folder.as_str())).collect();

    for (folder, package) in &declared.packages {
        violations.extend(declaration(declared, folder, package));
        if !metadata.packages.iter().any(|found| found.name == package_name(folder)) {
            let place = package_name(folder);
            violations.push(Violation::new(place, "is in graph.toml, but no package of the workspace"));
        }
    }

    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    for package in &metadata.packages {
        violations.extend(place(metadata, package));
        match by_name.get(&package.name) {
            None => {
                violations.push(Violation::new(&package.name, "is a package of the workspace, but not in graph.toml"));
            }
            Some(&folder) => {
                violations.extend(compare(declared, metadata, package, folder, &members));
            }
        }
    }
    violations
}

/// graph.toml itself keeps to the layers and names only packages it knows.
fn declaration(declared: &Declared, folder: &str, package: &DeclaredPackage) -> Vec<Violation> {
    let mut violations = Vec::new();
    let lists = [(&package.uses, false), (&package.dev, true)];
    for (used, in_tests) in lists.into_iter().flat_map(|(list, in_tests)| list.iter().map(move |u| (u, in_tests))) {
        let edge = format!("{} -> {}", package_name(folder), package_name(used));
        let Some(target) = declared.packages.get(used) else {
            violations.push(Violation::new(edge, format!("graph.toml knows no package `{used}`")));
            continue;
        };
        let broken =
            if in_tests { package.layer.forbids_in_tests(target.layer) } else { package.layer.forbids(target.layer) };
        violations.extend(broken.map(|rule| Violation::new(edge, rule)));
    }
    violations
}

/// The package is named after its folder, and its folder is one of those known.
fn place(metadata: &Metadata, package: &Package) -> Option<Violation> {
    let path = package.folder(&metadata.workspace_root);
    let folder = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let expected = package_name(&folder);
    (package.name != expected).then(|| {
        let rule = format!("the package in `{}` has to be named `{expected}`, after its folder", path.display());
        Violation::new(&package.name, rule)
    })
}

/// One package's manifest against its declaration.
fn compare(
    declared: &Declared,
    metadata: &Metadata,
    package: &Package,
    folder: &str,
    members: &BTreeSet<&str>,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    let declaration = &declared.packages[folder];
    let in_domain = package.folder(&metadata.workspace_root).starts_with("crates/domain");
    if in_domain != declaration.layer.is_domain() {
        let rule = if in_domain {
            "lies in crates/domain, but its layer is none of the domain's"
        } else {
            "is of the domain's layers, but does not lie in crates/domain"
        };
        violations.push(Violation::new(&package.name, rule));
    }

    for (list, dev) in [(&declaration.uses, false), (&declaration.dev, true)] {
        let what = if dev { "dev-dependency" } else { "dependency" };
        let key = if dev { "dev" } else { "uses" };
        let wanted: BTreeSet<String> = list.iter().map(|used| package_name(used)).collect();
        let found: BTreeSet<String> = package
            .dependencies
            .iter()
            .filter(|dependency| members.contains(dependency.name.as_str()))
            .filter(|dependency| (dependency.kind == Some(DependencyKind::Dev)) == dev)
            .map(|dependency| dependency.name.clone())
            .collect();
        for extra in found.difference(&wanted) {
            let broken = layer_of(declared, extra).and_then(|used| {
                if dev { declaration.layer.forbids_in_tests(used) } else { declaration.layer.forbids(used) }
            });
            let rule = broken.unwrap_or_else(|| {
                format!("extra edge: a {what} of the manifest that `{key}` of `{folder}` in graph.toml lacks")
            });
            violations.push(Violation::new(format!("{} -> {extra}", package.name), rule));
        }
        for missing in wanted.difference(&found) {
            let rule = format!(
                "missing edge: `{key}` of `{folder}` in graph.toml has it, but the manifest has no such {what}"
            );
            violations.push(Violation::new(format!("{} -> {missing}", package.name), rule));
        }
    }

    if in_domain {
        let allowed: BTreeSet<&str> =
            declared.domain.external.iter().chain(&declaration.external).map(String::as_str).collect();
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            let edge = format!("{} -> {name}", package.name);
            if dependency.kind != Some(DependencyKind::Dev) && !members.contains(name) && !allowed.contains(name) {
                violations.push(Violation::new(&edge, "not among what this domain crate may use from outside"));
            }
            // In tests, too: a domain crate that needs to wait in its tests is not pure.
            let forbidden = declared.domain.forbidden_features.get(name).map_or(&[][..], Vec::as_slice);
            for feature in dependency.features.iter().filter(|&feature| forbidden.contains(feature)) {
                violations.push(Violation::new(&edge, format!("no domain crate turns on the feature `{feature}`")));
            }
        }
        for name in &declaration.external {
            if !package.dependencies.iter().any(|dependency| &dependency.name == name) {
                let rule =
                    format!("missing edge: `external` of `{folder}` in graph.toml has it, but the manifest does not");
                violations.push(Violation::new(format!("{} -> {name}", package.name), rule));
            }
        }
    }
    violations
}

fn layer_of(declared: &Declared, name: &str) -> Option<Layer> {
    declared.packages.iter().find(|(folder, _)| package_name(folder) == name).map(|(_, package)| package.layer)
}

/// What a domain crate reaches when it is built alone.
#[derive(Debug)]
pub(crate) struct Reached {
    /// Depth, package and its features, in the order of the tree.
    nodes: Vec<(usize, String, Vec<String>)>,
}

impl Reached {
    /// From `cargo tree --prefix depth --format '|{p}|{f}'`.
    pub(crate) fn parse(tree: &str) -> Result<Self> {
        let node = |line: &str| {
            let mut fields = line.split('|');
            let depth = fields.next()?.parse().ok()?;
            let name = fields.next()?.split(' ').next()?.to_owned();
            let features = fields.next()?.trim_end_matches(" (*)").split(',').map(str::to_owned).collect();
            Some((depth, name, features))
        };
        let lines = tree.lines().filter(|line| !line.is_empty());
        let nodes = lines
            .map(|line| node(line).with_context(|| format!("cargo tree printed a line of another form: {line}")))
            .collect::<Result<_>>()?;
        Ok(Self { nodes })
    }
}

/// Nothing that waits, stores, reads a clock or draws chance can be reached from a domain crate, however far.
pub(crate) fn reach(declared: &Declared, reached: &Reached) -> Vec<Violation> {
    let mut found = BTreeMap::new();
    let mut path: Vec<&str> = Vec::new();
    for (depth, name, features) in &reached.nodes {
        path.truncate(*depth);
        path.push(name);
        if declared.domain.forbidden.contains(name) {
            found.entry((name, None)).or_insert_with(|| path.join(" -> "));
        }
        let forbidden = declared.domain.forbidden_features.get(name).map_or(&[][..], Vec::as_slice);
        for feature in features.iter().filter(|&feature| forbidden.contains(feature)) {
            found.entry((name, Some(feature))).or_insert_with(|| path.join(" -> "));
        }
    }
    let rule = |name: &String, feature: Option<&String>| match feature {
        None => format!("no domain crate may reach `{name}`"),
        Some(feature) => format!("no domain crate may reach `{name}` with its feature `{feature}`"),
    };
    found.into_iter().map(|((name, feature), path)| Violation::new(path, rule(name, feature))).collect()
}

/// Versions, paths and sources stand in the root manifest alone; everything else inherits.
pub(crate) fn manifest(name: &str, text: &str) -> Result<Vec<Violation>> {
    let manifest: toml::Table = toml::from_str(text).with_context(|| format!("reading the manifest of {name}"))?;
    let mut violations = Vec::new();
    let inherits = |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);

    for key in ["version", "edition", "rust-version", "license"] {
        if !manifest.get("package").and_then(|package| package.get(key)).is_some_and(inherits) {
            violations
                .push(Violation::new(name, format!("`{key}` has to be the workspace's: `{key}.workspace = true`")));
        }
    }
    if !manifest.get("lints").is_some_and(inherits) {
        violations.push(Violation::new(name, "the lints have to be the workspace's: `[lints] workspace = true`"));
    }
    let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let tables = std::iter::once(&manifest).chain(targets.filter_map(toml::Value::as_table));
    for table in tables {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies = table.get(section).and_then(toml::Value::as_table).into_iter().flatten();
            for (dependency, _) in dependencies.filter(|(_, value)| !inherits(value)) {
                let rule = "its version has to stand in the root manifest: `workspace = true` here";
                violations.push(Violation::new(format!("{name} -> {dependency}"), rule));
            }
        }
    }
    Ok(violations)
}

#[cfg(test)]
#[path = "bad_graphs.rs"]
mod bad_graphs;
