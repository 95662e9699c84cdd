//! The links of the Markdown pages: each relative one has to lead to a file that is there, and to a heading of it where it
//! names one. What is included has to be there, too. Links to the web are not followed: a check must not need a network.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::root;

/// Checks every page of the repository.
pub(crate) fn run() -> Result<()> {
    let mut pages = Vec::new();
    find_pages(root(), &mut pages)?;
    pages.sort();
    let (mut broken, mut links) = (Vec::new(), 0);
    for page in &pages {
        let text = read(page)?;
        for (line, target) in targets(&text) {
            links += 1;
            if let Some(fault) = fault(page, &target)? {
                broken.push(format!("{}:{line}: {target}: {fault}", shown(page)));
            }
        }
    }
    if broken.is_empty() {
        println!("links: {links} links in {} pages lead where they say", pages.len());
        return Ok(());
    }
    bail!("links that lead nowhere:\n  {}", broken.join("\n  "))
}

/// Why a link from this page leads nowhere.
fn fault(page: &Path, target: &str) -> Result<Option<&'static str>> {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = page.parent().unwrap_or(Path::new(""));
    let mut to = if path.is_empty() { page.to_path_buf() } else { normal(&folder.join(path)) };
    if !to.starts_with(root()) {
        return Ok(Some("leads out of the repository"));
    }
    if to.is_dir() {
        return Ok((!heading.is_empty()).then_some("a folder has no headings"));
    }
    // In the book a page that only includes another one stands for it.
    if !to.exists() {
        return Ok(Some("no such file"));
    }
    if heading.is_empty() || to.extension().is_none_or(|extension| extension != "md") {
        return Ok(None);
    }
    let mut text = read(&to)?;
    while let Some(included) = text.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
        to = normal(&to.parent().unwrap_or(Path::new("")).join(included.trim()));
        text = read(&to)?;
    }
    Ok((!headings(&text).any(|name| name == heading)).then_some("no such heading"))
}

/// Where a page links to and what it includes, with the line; code and the web left out.
fn targets(page: &str) -> Vec<(usize, String)> {
    let (mut found, mut fenced) = (Vec::new(), false);
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if let Some(included) = line.trim().strip_prefix("{{#include ") {
            // Behind a colon stands a part of the file.
            let path = included.trim_end_matches('}').split(':').next().unwrap_or_default();
            found.push((number + 1, path.trim().to_owned()));
        }
        if fenced {
            continue;
        }
        // Between two backticks is code: every second part.
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                found.push((number + 1, target.to_owned()));
            }
        }
    }
    found
}

/// The names by which a page's headings are linked to, as GitHub and mdBook make them.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let mut fenced = false;
    page.lines().filter_map(move |line| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let text = line.strip_prefix('#').filter(|_| !fenced)?.trim_start_matches('#').strip_prefix(' ')?;
        let kept = text.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        Some(kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect())
    })
}

fn find_pages(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            find_pages(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(())
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut so_far, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                so_far.pop();
            }
            part => so_far.push(part),
        }
        so_far
    })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn shown(page: &Path) -> String {
    page.strip_prefix(root()).unwrap_or(page).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_those_of_prose_and_includes() {
        let page = "A [b](c.md) and [d](e/f.md#g \"h\"), not `[i](j)`, [web](https://k.org), ![l](m.svg)\n\
                    ```md\n[n](o.md)\n{{#include p.md}}\n```\n{{#include ../q.md:part}}\n";
        let found: Vec<_> = targets(page).into_iter().map(|(line, target)| format!("{line} {target}")).collect();
        assert_eq!(found, ["1 c.md", "1 e/f.md#g", "1 m.svg", "4 p.md", "6 ../q.md"]);
    }

    #[test]
    fn headings_are_named_as_pages_name_them() {
        let page = "# The wheel\n## 0012: `config show`, and more\n```\n# no heading\n```\n### Capital & scalp\n";
        let names: Vec<_> = headings(page).collect();
        assert_eq!(names, ["the-wheel", "0012-config-show-and-more", "capital--scalp"]);
    }

    #[test]
    fn what_leads_nowhere_is_told() {
        let page = root().join("README.md");
        let check = |target: &str, expected| assert_eq!(fault(&page, target).unwrap(), expected, "{target}");
        check("ARCHITECTURE.md", None);
        check("docs/../ARCHITECTURE.md#the-wheel", None);
        check("docs", None);
        check("ARCHITECTURE.md#the-weal", Some("no such heading"));
        check("ARCHITEXTURE.md", Some("no such file"));
        check("../outside.md", Some("leads out of the repository"));
    }
}
