//! The checks themselves. Beside one whole run, each is so many more: the time is that of about 20 runs, whatever is
//! checked, and with every prefix that of half as many runs as there are bars.

use alavanca_kernel::{Bar, Timestamp};

use super::market::{Event, Market};
use super::subject::Subject;
use super::{Check, CheckKind, Difference, Findings, Options};

/// How many late beginnings are tried.
const LATE: usize = 6;
/// So many bars behind the warm-up are looked at, of each late beginning.
const AFTER_WARMUP: usize = 1_000;

/// What was said: at every bar and tick, with the bar's place.
type Heard<T> = Vec<(usize, Option<T>)>;

/// Runs all checks of one thing.
pub(super) fn run<S: Subject>(
    name: &str,
    kind: &'static str,
    make: &dyn Fn(&Market) -> S,
    market: &Market,
    options: &Options,
) -> Findings {
    let mut first = make(market);
    let whole = shown_to(&mut first, market);
    let said = whole.iter().filter_map(|(_, said)| said.as_ref());
    let spoke = said.filter(|said| S::speaks(said)).count();
    let of = Of { make, market, whole };
    let checks =
        vec![of.prefix(options), of.future(options), of.repeat(), of.reset(&mut first), of.warmup(options), of.sound()];
    Findings { name: name.to_owned(), kind, events: market.len(), spoke, checks }
}

fn shown_to<S: Subject>(subject: &mut S, market: &Market) -> Heard<S::Said> {
    let mut heard = Vec::with_capacity(market.len());
    let mut bar = 0;
    for event in market.events() {
        heard.push(hear(subject, event, &mut bar));
    }
    heard
}

fn hear<S: Subject>(subject: &mut S, event: Event<'_>, bar: &mut usize) -> (usize, Option<S::Said>) {
    match event {
        Event::Tick(tick) => (*bar, subject.on_tick(tick)),
        Event::Bar(closed) => {
            *bar += 1;
            (*bar - 1, Some(subject.on_bar(closed)))
        }
    }
}

struct Of<'a, S: Subject> {
    make: &'a dyn Fn(&Market) -> S,
    market: &'a Market,
    whole: Heard<S::Said>,
}

impl<S: Subject> Of<'_, S> {
    fn prefix(&self, options: &Options) -> Check {
        let bars = self.market.bars.len();
        let cuts: Vec<usize> = if options.thorough { (1..=bars).collect() } else { cuts(bars, options.prefixes) };
        let mut first = None;
        for cut in &cuts {
            let part = self.market.prefix(*cut);
            let heard = shown_to(&mut (self.make)(&part), &part);
            first = self.first_difference(&heard);
            if first.is_some() {
                break;
            }
        }
        let note = match first {
            None => format!("{} prefixes say what the whole run said", cuts.len()),
            Some(_) => {
                "shown less, it says something else: it knew what was to come, or what another instance saw".to_owned()
            }
        };
        Check { check: CheckKind::Prefix, passed: first.is_none(), note, first }
    }

    fn future(&self, options: &Options) -> Check {
        let cuts = cuts(self.market.bars.len(), options.prefixes);
        let mut first = None;
        for cut in &cuts {
            let other = self.market.with_another_future(*cut);
            // Made from the other market, shown no more of it than what is the same.
            let heard = shown_to(&mut (self.make)(&other), &other.prefix(*cut));
            first = self.first_difference(&heard);
            if first.is_some() {
                break;
            }
        }
        let note = match first {
            None => format!("{} other futures change nothing before them", cuts.len()),
            Some(_) => {
                "with other bars behind it, it says something else before them: it was made from the future".to_owned()
            }
        };
        Check { check: CheckKind::Future, passed: first.is_none(), note, first }
    }

    fn repeat(&self) -> Check {
        let again = shown_to(&mut (self.make)(self.market), self.market);
        let mut first = self.first_difference(&again);
        if first.is_none() {
            // In turns with one that sees another market.
            let other = self.market.with_another_future(1.min(self.market.bars.len()));
            let (mut one, mut two) = ((self.make)(self.market), (self.make)(&other));
            let (mut bar, mut other_bar, mut heard) = (0, 0, Vec::with_capacity(self.whole.len()));
            let mut others = other.events();
            for event in self.market.events() {
                heard.push(hear(&mut one, event, &mut bar));
                if let Some(event) = others.next() {
                    hear(&mut two, event, &mut other_bar);
                }
            }
            first = self.first_difference(&heard);
        }
        let note = match first {
            None => "two instances say the same, also in turns with one that sees another market".to_owned(),
            Some(_) => "instances are not alone: they share something that one of them changes".to_owned(),
        };
        Check { check: CheckKind::Repeat, passed: first.is_none(), note, first }
    }

    fn reset(&self, used: &mut S) -> Check {
        used.reset();
        let first = self.first_difference(&shown_to(used, self.market));
        let note = match first {
            None => "after a reset it is as new".to_owned(),
            Some(_) => "a reset leaves something behind".to_owned(),
        };
        Check { check: CheckKind::Reset, passed: first.is_none(), note, first }
    }

    fn warmup(&self, options: &Options) -> Check {
        let bars = self.market.bars.len();
        let subject = (self.make)(self.market);
        let (declared, days) = (subject.warmup_bars(), subject.warmup_days());
        let (mut compared, mut differing, mut settled, mut first) = (0_usize, 0_usize, 0_usize, None);
        for late in 1..=LATE {
            let from = bars * late / (LATE + 1);
            // Whoever goes by the day must have seen one begin.
            let begun = self.market.bars[from].time.plus_secs(days as i64 * 86_400);
            let before = self.market.bars[from..].iter().take_while(|bar| bar.time < begun).count();
            let warmup = declared.max(if days > 0 { before + 1 } else { 0 });
            let until = (from + warmup + AFTER_WARMUP).min(bars);
            if from == 0 || from + warmup >= until {
                continue;
            }
            let part = self.market.prefix(until).suffix(from);
            let heard = shown_to(&mut (self.make)(&part), &part);
            let dates = dates(&part);
            let whole = self.whole.iter().filter(|(bar, _)| (from..until).contains(bar));
            for ((bar, expected), (seen, got)) in whole.zip(&heard) {
                let agrees = match (expected, got) {
                    // What begins with the day says nothing on one that it has not seen whole: that is no lie.
                    (_, Some(got)) if !S::speaks(got) && dates.get(*seen).is_some_and(|&date| date < 2) => true,
                    (Some(expected), Some(got)) => S::agree(expected, got),
                    (expected, got) => expected.is_none() == got.is_none(),
                };
                if !agrees {
                    settled = settled.max(seen + 1);
                }
                // The bar that ends the warm-up is the first that is heard.
                if *seen + 1 >= warmup {
                    compared += 1;
                    if !agrees {
                        differing += 1;
                        first = first.or_else(|| Some(self.difference(*bar, expected.as_ref(), got.as_ref())));
                    }
                }
            }
        }
        let share = if compared == 0 { 0.0 } else { differing as f64 / compared as f64 };
        let passed = share <= options.warmup_tolerance;
        let percent = format!("{:.2} %", 100.0 * share);
        let said = match days {
            0 => format!("{declared} bars"),
            1 => format!("{declared} bars and a whole day"),
            days => format!("{declared} bars and {days} whole days"),
        };
        let note = match (compared, passed) {
            (0, _) => format!("not tried: the market is too short for a warm-up of {said}"),
            (_, true) => format!("begun late by {said}, {percent} of what it says differs"),
            (_, false) => format!(
                "begun late by the declared {said}, {percent} of what it says differs; the last that did came {settled} bars \
                 after the beginning: declare a longer warm-up"
            ),
        };
        Check { check: CheckKind::Warmup, passed, note, first: if passed { None } else { first } }
    }

    fn sound(&self) -> Check {
        let first = self.whole.iter().find_map(|(bar, said)| {
            let price = self.market.bars.get(*bar)?.close;
            let said = said.as_ref()?;
            let wrong = S::unsound(said, price)?;
            Some(Difference { expected: wrong, ..self.difference(*bar, None, Some(said)) })
        });
        let note = match first {
            None => "what it says can be".to_owned(),
            Some(_) => "what it says cannot be".to_owned(),
        };
        Check { check: CheckKind::Sound, passed: first.is_none(), note, first }
    }

    /// The first of these outputs that is not the whole run's.
    fn first_difference(&self, heard: &Heard<S::Said>) -> Option<Difference> {
        let (expected, got) = self.whole.iter().zip(heard).find(|((_, expected), (_, got))| expected != got)?;
        Some(self.difference(expected.0, expected.1.as_ref(), got.1.as_ref()))
    }

    fn difference(&self, bar: usize, expected: Option<&S::Said>, got: Option<&S::Said>) -> Difference {
        let shown = |said: Option<&S::Said>| said.map_or_else(|| "nothing".to_owned(), S::shown);
        let at = self.market.bars.get(bar).map_or_else(String::new, |bar| bar.time.to_string());
        Difference { bar: bar + 1, at, expected: shown(expected), got: shown(got) }
    }
}

/// For each bar how many dates of UTC with bars there were before its own.
fn dates(market: &Market) -> Vec<usize> {
    let mut last = None;
    let mut dates = 0;
    let date = |time: Timestamp| time.secs().div_euclid(86_400);
    let of = |bar: &Bar| {
        dates += usize::from(last.is_some_and(|last| last != date(bar.time)));
        last = Some(date(bar.time));
        dates
    };
    market.bars.iter().map(of).collect()
}

/// Where the market is cut: after a few of the first bars, and evenly; always the same.
fn cuts(bars: usize, evenly: usize) -> Vec<usize> {
    let even = (1..=evenly).map(|part| bars * part / (evenly + 1));
    // Primes: no bar of a larger time frame ends at all of them.
    let mut cuts: Vec<usize> = [1, 2, 53, 211].into_iter().chain(even).filter(|cut| (1..bars).contains(cut)).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}
