//! Graphs that are wrong on purpose: each has one fault, and the check has to name its place and its rule.

use serde_json::{Value, json};

use super::*;

/// graph.toml of a small workspace in which everything is right.
const GRAPH: &str = r#"
    [packages]
    kernel = { layer = "kernel", uses = [] }
    stats = { layer = "foundation", uses = ["kernel"] }
    ports = { layer = "ports", uses = ["kernel"] }
    capital = { layer = "brick", uses = ["kernel"] }
    scalp = { layer = "brick", uses = ["kernel", "ports"], dev = ["stats"] }
    engine = { layer = "engine", uses = ["kernel", "capital", "scalp"], external = ["serde_json"] }
    adapters-sim = { layer = "adapter", uses = ["kernel", "ports"] }
    app = { layer = "app", uses = ["engine", "adapters-sim"] }
    tests = { layer = "tests", uses = ["app"] }

    [domain]
    external = ["serde", "chrono"]
    forbidden = ["tokio", "async-trait"]
    forbidden-features = { chrono = ["clock"], alavanca-ports = ["async"] }
"#;

/// The same workspace, as cargo tells it.
fn good() -> Value {
    let package = |folder: &str, uses: &[&str]| {
        let name = package_name(folder.rsplit('/').next().unwrap());
        let dependencies: Vec<Value> = uses.iter().map(|used| json!({ "name": used, "kind": null })).collect();
        json!({ "name": name, "manifest_path": format!("/w/{folder}/Cargo.toml"), "dependencies": dependencies })
    };
    let mut metadata = json!({
        "workspace_root": "/w",
        "target_directory": "/w/target",
        "packages": [
            package("crates/domain/kernel", &["serde", "chrono"]),
            package("crates/domain/stats", &["alavanca-kernel"]),
            package("crates/ports", &["alavanca-kernel", "async-trait"]),
            package("crates/domain/capital", &["alavanca-kernel", "serde"]),
            package("crates/domain/scalp", &["alavanca-kernel", "alavanca-ports"]),
            package("crates/domain/engine", &["alavanca-kernel", "alavanca-capital", "alavanca-scalp", "serde_json"]),
            package("crates/adapters-sim", &["alavanca-kernel", "alavanca-ports"]),
            package("crates/app", &["alavanca-engine", "alavanca-adapters-sim", "tokio"]),
            package("tests", &["alavanca"]),
        ],
    });
    add(&mut metadata, "alavanca-scalp", json!({ "name": "alavanca-stats", "kind": "dev" }));
    add(&mut metadata, "alavanca-scalp", json!({ "name": "proptest", "kind": "dev" }));
    metadata
}

fn package<'a>(metadata: &'a mut Value, name: &str) -> &'a mut Value {
    let packages = metadata["packages"].as_array_mut().unwrap();
    packages.iter_mut().find(|package| package["name"] == name).unwrap()
}

fn add(metadata: &mut Value, name: &str, dependency: Value) {
    package(metadata, name)["dependencies"].as_array_mut().unwrap().push(dependency);
}

fn remove(metadata: &mut Value, name: &str, dependency: &str) {
    package(metadata, name)["dependencies"].as_array_mut().unwrap().retain(|found| found["name"] != dependency);
}

fn declared(graph: &str) -> Declared {
    toml::from_str(graph).unwrap()
}

/// What the check says of a graph.toml and of the good workspace after `spoil`.
fn check(graph: &str, spoil: impl Fn(&mut Value), expected: &[&str]) {
    let mut metadata = good();
    spoil(&mut metadata);
    let metadata: Metadata = serde_json::from_value(metadata).unwrap();
    let found: Vec<String> = edges(&declared(graph), &metadata).iter().map(Violation::to_string).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_good_graph_passes() {
    check(GRAPH, |_| (), &[]);
}

#[test]
fn an_extra_edge_is_named() {
    check(
        GRAPH,
        |metadata| add(metadata, "alavanca-capital", json!({ "name": "alavanca-stats", "kind": null })),
        &["alavanca-capital -> alavanca-stats: extra edge: a dependency of the manifest that `uses` of `capital` in \
           graph.toml lacks"],
    );
}

#[test]
fn an_extra_build_edge_counts_as_a_normal_one() {
    check(
        GRAPH,
        |metadata| add(metadata, "alavanca-capital", json!({ "name": "alavanca-stats", "kind": "build" })),
        &["alavanca-capital -> alavanca-stats: extra edge: a dependency of the manifest that `uses` of `capital` in \
           graph.toml lacks"],
    );
}

#[test]
fn a_missing_edge_is_named() {
    check(
        GRAPH,
        |metadata| remove(metadata, "alavanca-engine", "alavanca-scalp"),
        &[
            "alavanca-engine -> alavanca-scalp: missing edge: `uses` of `engine` in graph.toml has it, but the manifest \
           has no such dependency",
        ],
    );
}

#[test]
fn dev_edges_are_held_to_their_own_list() {
    check(
        GRAPH,
        |metadata| {
            remove(metadata, "alavanca-scalp", "alavanca-stats");
            add(metadata, "alavanca-capital", json!({ "name": "alavanca-scalp", "kind": "dev" }));
        },
        &[
            "alavanca-capital -> alavanca-scalp: extra edge: a dev-dependency of the manifest that `dev` of `capital` in \
             graph.toml lacks",
            "alavanca-scalp -> alavanca-stats: missing edge: `dev` of `scalp` in graph.toml has it, but the manifest has \
             no such dev-dependency",
        ],
    );
}

#[test]
fn layers_forbid_what_the_manifest_adds() {
    for (from, to, rule) in [
        (
            "alavanca-capital",
            "alavanca-scalp",
            "bricks never depend on bricks: a noun that two of them speak goes to kernel, behaviour that joins two lives \
             in engine",
        ),
        ("alavanca-kernel", "alavanca-stats", "kernel depends on no other package"),
        ("alavanca-stats", "alavanca-ports", "foundation may use kernel alone, not ports"),
        ("alavanca-engine", "alavanca-adapters-sim", "the domain never reaches for an adapter"),
        ("alavanca-adapters-sim", "alavanca-engine", "adapter may use kernel, foundation, ports alone, not engine"),
        ("alavanca-adapters-sim", "alavanca", "nothing depends on the app but tests"),
        ("alavanca", "alavanca-tests", "nothing depends on tests"),
    ] {
        let expected = format!("{from} -> {to}: {rule}");
        check(GRAPH, |metadata| add(metadata, from, json!({ "name": to, "kind": null })), &[&expected]);
    }
}

#[test]
fn layers_forbid_what_graph_toml_adds() {
    let graph = GRAPH.replace(
        r#"capital = { layer = "brick", uses = ["kernel"] }"#,
        r#"capital = { layer = "brick", uses = ["kernel", "scalp"] }"#,
    );
    check(
        &graph,
        |metadata| add(metadata, "alavanca-capital", json!({ "name": "alavanca-scalp", "kind": null })),
        &["alavanca-capital -> alavanca-scalp: bricks never depend on bricks: a noun that two of them speak goes to \
           kernel, behaviour that joins two lives in engine"],
    );
}

#[test]
fn tests_may_use_more_but_never_the_app() {
    let graph = GRAPH.replace(r#"dev = ["stats"]"#, r#"dev = ["stats", "app"]"#);
    check(
        &graph,
        |metadata| add(metadata, "alavanca-scalp", json!({ "name": "alavanca", "kind": "dev" })),
        &["alavanca-scalp -> alavanca: nothing depends on the app but tests"],
    );
}

#[test]
fn a_wrong_package_name_is_named() {
    check(
        GRAPH,
        |metadata| package(metadata, "alavanca-tests")["name"] = json!("system-tests"),
        &[
            "alavanca-tests: is in graph.toml, but no package of the workspace",
            "system-tests: the package in `tests` has to be named `alavanca-tests`, after its folder",
            "system-tests: is a package of the workspace, but not in graph.toml",
        ],
    );
}

#[test]
fn domain_layers_lie_in_the_domain_folder() {
    check(
        GRAPH,
        |metadata| package(metadata, "alavanca-stats")["manifest_path"] = json!("/w/crates/stats/Cargo.toml"),
        &["alavanca-stats: is of the domain's layers, but does not lie in crates/domain"],
    );
    check(
        GRAPH,
        |metadata| package(metadata, "alavanca-ports")["manifest_path"] = json!("/w/crates/domain/ports/Cargo.toml"),
        &[
            "alavanca-ports: lies in crates/domain, but its layer is none of the domain's",
            "alavanca-ports -> async-trait: not among what this domain crate may use from outside",
        ],
    );
}

#[test]
fn a_stranger_from_outside_is_named() {
    check(
        GRAPH,
        |metadata| {
            add(metadata, "alavanca-capital", json!({ "name": "serde_json", "kind": null }));
            add(metadata, "alavanca-stats", json!({ "name": "proptest", "kind": "dev" }));
            remove(metadata, "alavanca-engine", "serde_json");
        },
        &[
            "alavanca-capital -> serde_json: not among what this domain crate may use from outside",
            "alavanca-engine -> serde_json: missing edge: `external` of `engine` in graph.toml has it, but the manifest \
             does not",
        ],
    );
}

#[test]
fn a_domain_crate_with_the_async_ports_is_named() {
    for (kind, edges) in [
        (json!(null), r#"uses = ["kernel", "ports"], dev = ["stats"]"#),
        (json!("dev"), r#"uses = ["kernel"], dev = ["ports", "stats"]"#),
    ] {
        check(
            &GRAPH.replace(r#"uses = ["kernel", "ports"], dev = ["stats"]"#, edges),
            |metadata| {
                remove(metadata, "alavanca-scalp", "alavanca-ports");
                let async_ports = json!({ "name": "alavanca-ports", "kind": kind, "features": ["async"] });
                add(metadata, "alavanca-scalp", async_ports);
            },
            &["alavanca-scalp -> alavanca-ports: no domain crate turns on the feature `async`"],
        );
    }
}

/// What the check says of what `cargo tree` prints for a domain crate.
fn check_reach(tree: &str, expected: &[&str]) {
    let reached = Reached::parse(tree).unwrap();
    let found: Vec<String> = reach(&declared(GRAPH), &reached).iter().map(Violation::to_string).collect();
    assert_eq!(found, expected, "{tree}");
}

#[test]
fn what_a_domain_crate_reaches_is_judged_however_far_it_is() {
    const KERNEL: &str = "0|alavanca-kernel v0.1.0 (/w/crates/domain/kernel)|\n";
    check_reach(&format!("{KERNEL}1|chrono v0.4.45|alloc,std\n2|num-traits v0.2.19|\n"), &[]);
    check_reach(
        &format!("{KERNEL}1|chrono v0.4.45|alloc,clock,std\n1|serde v1.0.0|default\n"),
        &["alavanca-kernel -> chrono: no domain crate may reach `chrono` with its feature `clock`"],
    );
    check_reach(
        &format!("{KERNEL}1|left v1.0.0|\n2|pad v1.0.0|\n1|right v2.0.0|\n2|tokio v1.50.0|rt (*)\n3|mio v1.0.0|\n"),
        &["alavanca-kernel -> right -> tokio: no domain crate may reach `tokio`"],
    );
    check_reach(
        "0|alavanca-scalp v0.1.0 (/w/s)|\n1|alavanca-ports v0.1.0 (/w/p)|async\n2|async-trait v0.1.0 (proc-macro)|\n",
        &[
            "alavanca-scalp -> alavanca-ports: no domain crate may reach `alavanca-ports` with its feature `async`",
            "alavanca-scalp -> alavanca-ports -> async-trait: no domain crate may reach `async-trait`",
        ],
    );
    assert!(Reached::parse("└── serde v1.0.0\n").is_err(), "a tree of another form must not pass as empty");
}

/// What the check says of a manifest.
fn check_manifest(text: &str, expected: &[&str]) {
    let found: Vec<String> = manifest("x", text).unwrap().iter().map(Violation::to_string).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn versions_stand_in_the_root_manifest_alone() {
    const HEAD: &str = "[package]\nname = \"x\"\nversion.workspace = true\nedition.workspace = true\n\
                        rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n";
    check_manifest(&format!("{HEAD}[dependencies]\nserde.workspace = true\n"), &[]);
    check_manifest(&format!("{HEAD}[dependencies]\nserde = {{ workspace = true, optional = true }}\n"), &[]);
    for (section, dependency) in [
        ("[dependencies]", "serde = \"1\""),
        ("[dev-dependencies]", "serde = { version = \"1\" }"),
        ("[build-dependencies]", "serde = { path = \"../serde\" }"),
        ("[target.'cfg(unix)'.dependencies]", "serde = { version = \"1\" }"),
    ] {
        check_manifest(
            &format!("{HEAD}{section}\n{dependency}\n"),
            &["x -> serde: its version has to stand in the root manifest: `workspace = true` here"],
        );
    }
    check_manifest(
        &HEAD.replace("version.workspace = true\nedition", "version = \"0.2.0\"\nedition"),
        &["x: `version` has to be the workspace's: `version.workspace = true`"],
    );
    check_manifest(
        HEAD.split("[lints]").next().unwrap(),
        &["x: the lints have to be the workspace's: `[lints] workspace = true`"],
    );
}
