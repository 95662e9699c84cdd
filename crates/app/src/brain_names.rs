//! The names of a run's brains. Votes are stored by the brains' places; which brain had which place is noted once.

use alavanca_kernel::{DecisionId, SymbolId};
use alavanca_signals::{MAX_BRAINS, Votes};
use serde::{Deserialize, Serialize};

/// Under this key in `run_meta`: a list of [`Section`] as JSON.
pub(crate) const BRAINS: &str = "brains";

/// The names of a run's brains, by instrument and place. Where they changed with the settings, a section begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrainNames(Vec<Section>);

/// The brains of an instrument from a decision on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Section {
    /// The instrument's place.
    symbol: u16,
    /// The first decision with them.
    from: u64,
    names: Vec<String>,
}

impl BrainNames {
    /// As they were noted; none where nothing was.
    pub fn noted(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// From a decision on an instrument has these brains.
    #[must_use]
    pub fn with<'a>(mut self, symbol: SymbolId, from: DecisionId, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let last = self.0.iter().rev().find(|section| section.symbol == symbol.get());
        if last.is_none_or(|last| last.names != names) {
            self.0.push(Section { symbol: symbol.get(), from: from.get(), names });
        }
        self
    }

    /// The names at the places of a decision's votes; a place of which nothing was noted is called by its number.
    pub fn of(&self, symbol: SymbolId, decision: DecisionId, votes: Votes) -> Vec<String> {
        let of = |section: &&Section| section.symbol == symbol.get() && section.from <= decision.get();
        let known = self.0.iter().rev().find(of).map_or(&[][..], |section| &section.names);
        let name = |place: usize| known.get(place).cloned().unwrap_or_else(|| format!("brain {}", place + 1));
        (0..votes.len().min(MAX_BRAINS)).map(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use alavanca_signals::Opinion;

    use super::*;

    #[test]
    fn a_place_has_the_name_that_it_had_at_the_time() {
        let (win, dol) = (SymbolId::new(0), SymbolId::new(1));
        let names = BrainNames::default()
            .with(win, DecisionId::new(1), ["ema", "sma"])
            .with(dol, DecisionId::new(1), ["own"])
            // The same again is no change.
            .with(win, DecisionId::new(5), ["ema", "sma"])
            .with(win, DecisionId::new(9), ["sma", "ema"]);
        let text = serde_json::to_string(&names).unwrap();
        let names = BrainNames::noted(Some(&text));
        let two = Votes::new(&[Opinion::NONE; 2], 0);
        let of = |symbol, id| names.of(symbol, DecisionId::new(id), two).join(" ");
        assert_eq!(of(win, 8), "ema sma");
        assert_eq!(of(win, 9), "sma ema");
        assert_eq!(of(dol, 9), "own brain 2");
        assert_eq!(BrainNames::noted(None).of(win, DecisionId::new(1), two).join(" "), "brain 1 brain 2");
        assert_eq!(BrainNames::noted(Some("{")), BrainNames::default());
    }
}
