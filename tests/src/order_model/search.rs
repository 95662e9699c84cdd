use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A machine with finitely many states.
pub trait Model {
    /// All that is true at one moment.
    type State: Clone + Eq + Hash;
    /// What may happen next.
    type Step: Copy + fmt::Display;

    /// Where it begins.
    fn initial(&self) -> Self::State;

    /// All that may happen in `state`, each with what it leads to.
    fn steps(&self, state: &Self::State, next: &mut Vec<(Self::Step, Self::State)>);

    /// The rule that is broken in `state`.
    fn broken(&self, state: &Self::State) -> Option<&'static str>;

    /// Nothing is open between anybody: the machine may stay as it is.
    fn at_rest(&self, state: &Self::State) -> bool;
}

/// What a search came to.
#[derive(Debug, Clone)]
pub struct Searched<Step> {
    /// States that were looked at.
    pub states: usize,
    /// Steps between them.
    pub transitions: usize,
    /// Steps of the longest of all shortest ways from the beginning.
    pub depth: usize,
    /// What was found.
    pub verdict: Verdict<Step>,
}

/// Whether the rules hold.
#[derive(Debug, Clone)]
pub enum Verdict<Step> {
    /// In every state, and from every state a state at rest can be reached.
    Holds,
    /// Not in the state to which this is a shortest way.
    Broken {
        /// Which rule.
        rule: &'static str,
        /// The way.
        steps: Vec<Step>,
    },
    /// They do, but from the state to which this is a shortest way no rest can be reached any more.
    Stuck(Vec<Step>),
}

/// Looks at every state of the machine, the nearest first, and stops at the first in which a rule is broken.
pub fn search<M: Model>(model: &M) -> Searched<M::Step> {
    let mut graph = Graph::new(model.initial());
    let mut next = Vec::new();
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut at_rest: Vec<u32> = Vec::new();
    while let Some((index, state)) = graph.ahead.pop_front() {
        if let Some(rule) = model.broken(&state) {
            return graph.searched(edges.len(), Verdict::Broken { rule, steps: graph.way_to(index) });
        }
        if model.at_rest(&state) {
            at_rest.push(index);
        }
        model.steps(&state, &mut next);
        for (step, to) in next.drain(..) {
            edges.push((index, graph.reach(index, step, to)));
        }
    }
    let verdict = match first_that_never_rests(graph.came.len(), &mut edges, at_rest) {
        None => Verdict::Holds,
        Some(index) => Verdict::Stuck(graph.way_to(index)),
    };
    graph.searched(edges.len(), verdict)
}

/// What has been seen.
struct Graph<State, Step> {
    seen: HashMap<State, u32, BuildHasherDefault<Mixer>>,
    /// By which step from where each state was first reached, and how far it is from the beginning.
    came: Vec<(Option<(u32, Step)>, u32)>,
    ahead: VecDeque<(u32, State)>,
}

impl<State: Clone + Eq + Hash, Step: Copy> Graph<State, Step> {
    fn new(initial: State) -> Self {
        let mut seen = HashMap::default();
        seen.insert(initial.clone(), 0);
        Self { seen, came: vec![(None, 0)], ahead: VecDeque::from([(0, initial)]) }
    }

    fn reach(&mut self, from: u32, step: Step, to: State) -> u32 {
        if let Some(&index) = self.seen.get(&to) {
            return index;
        }
        let index = self.came.len() as u32;
        self.came.push((Some((from, step)), self.came[from as usize].1 + 1));
        self.seen.insert(to.clone(), index);
        self.ahead.push_back((index, to));
        index
    }

    fn way_to(&self, mut index: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some((from, step)) = self.came[index as usize].0 {
            steps.push(step);
            index = from;
        }
        steps.reverse();
        steps
    }

    fn searched(&self, transitions: usize, verdict: Verdict<Step>) -> Searched<Step> {
        let depth = self.came.last().map_or(0, |&(_, depth)| depth as usize);
        Searched { states: self.came.len(), transitions, depth, verdict }
    }
}

/// Walks the edges backwards from rest.
fn first_that_never_rests(states: usize, edges: &mut [(u32, u32)], at_rest: Vec<u32>) -> Option<u32> {
    edges.sort_unstable_by_key(|&(_, to)| to);
    let mut rests = vec![false; states];
    let mut ahead = at_rest;
    for &index in &ahead {
        rests[index as usize] = true;
    }
    while let Some(index) = ahead.pop() {
        let first = edges.partition_point(|&(_, to)| to < index);
        for &(from, _) in edges[first..].iter().take_while(|&&(_, to)| to == index) {
            if !std::mem::replace(&mut rests[from as usize], true) {
                ahead.push(from);
            }
        }
    }
    rests.iter().position(|rests| !rests).map(|index| index as u32)
}

/// A hash for many small values; nobody chooses the states to make it collide.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_i8(&mut self, value: i8) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl<Step: fmt::Display> fmt::Display for Searched<Step> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = match &self.verdict {
            Verdict::Holds => {
                return write!(
                    f,
                    "holds in all of {} states ({} steps between them, {} deep)",
                    self.states, self.transitions, self.depth
                );
            }
            Verdict::Broken { rule, steps } => {
                writeln!(f, "{rule}, after {} steps:", steps.len())?;
                steps
            }
            Verdict::Stuck(steps) => {
                writeln!(f, "never comes to rest again, after {} steps:", steps.len())?;
                steps
            }
        };
        for (number, step) in steps.iter().enumerate() {
            writeln!(f, "{:>3}. {step}", number + 1)?;
        }
        Ok(())
    }
}
