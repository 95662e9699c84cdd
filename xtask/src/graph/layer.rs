//! The layers, and what each may use. These rules are code, not settings: graph.toml can only narrow them.

use std::fmt;

use serde::Deserialize;

/// Where a package stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Layer {
    Kernel,
    Foundation,
    Ports,
    Brick,
    Engine,
    Report,
    Storage,
    Adapter,
    App,
    Tests,
    Xtask,
}

use Layer::{Adapter, App, Brick, Engine, Foundation, Kernel, Ports, Report, Storage, Tests, Xtask};

impl Layer {
    /// All, from the ground up.
    pub(crate) const ALL: [Self; 11] =
        [Kernel, Foundation, Ports, Brick, Engine, Report, Storage, Adapter, App, Tests, Xtask];

    /// What a package of this layer may use.
    pub(crate) const fn may_use(self) -> &'static [Self] {
        match self {
            Kernel | Xtask => &[],
            Foundation | Ports => &[Kernel],
            Brick => &[Kernel, Foundation, Ports],
            Engine => &[Kernel, Foundation, Ports, Brick],
            Report => &[Kernel, Foundation, Brick, Engine],
            Storage => &[Kernel, Ports, Brick, Engine, Report],
            Adapter => &[Kernel, Foundation, Ports],
            App => &[Kernel, Foundation, Ports, Brick, Engine, Report, Storage, Adapter],
            Tests => &[Kernel, Foundation, Ports, Brick, Engine, Report, Storage, Adapter, App],
        }
    }

    /// The rule that an edge breaks, or `None` where it stands.
    pub(crate) fn forbids(self, used: Self) -> Option<String> {
        if self.may_use().contains(&used) {
            return None;
        }
        Some(match (self, used) {
            (_, App) => "nothing depends on the app but tests".to_owned(),
            (_, Tests | Xtask) => format!("nothing depends on {used}"),
            (Brick, Brick) => "bricks never depend on bricks: a noun that two of them speak goes to kernel, \
                               behaviour that joins two lives in engine"
                .to_owned(),
            (Kernel, _) => "kernel depends on no other package".to_owned(),
            (Xtask, _) => "xtask depends on no other package".to_owned(),
            (from, Storage | Adapter) if from.is_domain() => "the domain never reaches for an adapter".to_owned(),
            (from, to) => {
                let may: Vec<String> = from.may_use().iter().map(Self::to_string).collect();
                format!("{from} may use {} alone, not {to}", may.join(", "))
            }
        })
    }

    /// The rule that a dependency of tests and benches breaks. Looser: the layers bind what is shipped.
    pub(crate) fn forbids_in_tests(self, used: Self) -> Option<String> {
        match (self, used) {
            (Tests, App) => None,
            (_, App | Tests | Xtask) => self.forbids(used),
            _ => None,
        }
    }

    /// Whether its packages are the pure domain, and lie in `crates/domain`.
    pub(crate) const fn is_domain(self) -> bool {
        matches!(self, Kernel | Foundation | Brick | Engine | Report)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kernel => "kernel",
            Foundation => "foundation",
            Ports => "ports",
            Brick => "brick",
            Engine => "engine",
            Report => "report",
            Storage => "storage",
            Adapter => "adapter",
            App => "app",
            Tests => "tests",
            Xtask => "xtask",
        })
    }
}
