//! The picture in ARCHITECTURE.md, drawn from graph.toml so that it cannot lie.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::Declared;
use super::layer::Layer;

const BEGIN: &str = "<!-- graph: begin (drawn by `cargo xtask graph --write`) -->\n";
const END: &str = "<!-- graph: end -->\n";

/// The diagram and, below it, the full list of edges.
///
/// An arrow that a longer way implies is left out of the diagram: kernel would drown in arrows. The table has all.
pub(crate) fn draw(declared: &Declared) -> String {
    let mut text = String::from("```mermaid\nflowchart TD\n");
    for layer in Layer::ALL {
        let folders: Vec<&str> = folders_of(declared, layer).collect();
        if folders.is_empty() {
            continue;
        }
        let _ = writeln!(text, "  subgraph {layer}_layer[{layer}]");
        for folder in folders {
            let _ = writeln!(text, "    {}[{folder}]", node(folder));
        }
        text.push_str("  end\n");
    }
    for (folder, package) in &declared.packages {
        for used in &package.uses {
            let implied = package.uses.iter().any(|other| other != used && reaches(declared, other, used));
            if !implied {
                let _ = writeln!(text, "  {} --> {}", node(folder), node(used));
            }
        }
    }
    text.push_str("```\n\n| package | layer | uses | in tests also |\n|---|---|---|---|\n");
    for layer in Layer::ALL {
        for folder in folders_of(declared, layer) {
            let package = &declared.packages[folder];
            let list = |names: &[String]| names.join(", ");
            let _ = writeln!(text, "| {folder} | {layer} | {} | {} |", list(&package.uses), list(&package.dev));
        }
    }
    text
}

/// The page with what stands between the markers replaced.
pub(crate) fn redraw(page: &str, drawing: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("ARCHITECTURE.md has no line where the graph begins")?;
    let (_, after) = rest.split_once(END).context("ARCHITECTURE.md has no line where the graph ends")?;
    Ok(format!("{before}{BEGIN}\n{drawing}\n{END}{after}"))
}

fn folders_of(declared: &Declared, layer: Layer) -> impl Iterator<Item = &str> {
    declared.packages.iter().filter(move |(_, package)| package.layer == layer).map(|(folder, _)| folder.as_str())
}

/// A name that is no word of the diagram language.
fn node(folder: &str) -> String {
    format!("p_{}", folder.replace('-', "_"))
}

fn reaches(declared: &Declared, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(folder) = open.pop() {
        if !seen.insert(folder) {
            continue;
        }
        for used in declared.packages.get(folder).into_iter().flat_map(|package| &package.uses) {
            if used == to {
                return true;
            }
            open.push(used);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = r#"
        [packages]
        kernel = { layer = "kernel", uses = [] }
        stats = { layer = "foundation", uses = ["kernel"] }
        capital = { layer = "brick", uses = ["kernel", "stats"] }
        adapters-sim = { layer = "adapter", uses = ["kernel"], dev = ["stats"] }
        [domain]
        external = []
        forbidden = []
        forbidden-features = {}
    "#;

    #[test]
    fn implied_arrows_are_left_out_of_the_picture_and_kept_in_the_table() {
        let drawing = draw(&toml::from_str(GRAPH).unwrap());
        assert!(drawing.contains("  p_capital --> p_stats\n"), "{drawing}");
        assert!(!drawing.contains("  p_capital --> p_kernel\n"), "{drawing}");
        assert!(drawing.contains("  p_adapters_sim --> p_kernel\n"), "{drawing}");
        assert!(drawing.contains("| capital | brick | kernel, stats |  |\n"), "{drawing}");
        assert!(drawing.contains("| adapters-sim | adapter | kernel | stats |\n"), "{drawing}");
    }

    #[test]
    fn redrawing_touches_only_what_stands_between_the_markers() {
        let page = format!("above\n{BEGIN}old\n{END}below\n");
        let redrawn = redraw(&page, "new\n").unwrap();
        assert_eq!(redrawn, format!("above\n{BEGIN}\nnew\n\n{END}below\n"));
        assert_eq!(redraw(&redrawn, "new\n").unwrap(), redrawn, "drawn twice, the page stays");
        assert!(redraw("no markers", "new").is_err());
    }
}
