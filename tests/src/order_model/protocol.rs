/// The precautions. Each may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    /// What it is called.
    pub name: &'static str,
    /// The engine stores an order before it sends it.
    pub intent_first: bool,
    /// The bridge writes an order into its journal before it calls the terminal.
    pub journal_first: bool,
    /// A session has an epoch of its own, and what belongs to an older one is passed over.
    pub fenced: bool,
    /// A letter that was overtaken by a later one of its session is passed over.
    pub in_order: bool,
    /// The bridge holds a close against the live position just before the call.
    pub clipped: bool,
    /// What becomes of an order that nobody answers for.
    pub on_timeout: OnTimeout,
    /// What ends that.
    pub proof: Proof,
}

/// What the engine makes of an order that nobody answers for in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTimeout {
    /// Unknown: nothing more is sent before it is proven.
    Unknown,
    /// It is sent again, with a new number.
    SentAgain,
    /// It was refused.
    Refused,
    /// Unknown where it opens; a close is sent again with a new number.
    CloseSentAgain,
}

/// What the engine takes for a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The journal and the history by number, until it is stable.
    ByNumber,
    /// Whether there is a position.
    ThePosition,
    /// One look into the history that finds nothing.
    OneEmptyLook,
    /// The same as ours, but a question that failed is taken for an empty answer.
    FailureIsEmpty,
}

impl Protocol {
    /// What is built.
    pub const OURS: Self = Self {
        name: "ours",
        intent_first: true,
        journal_first: true,
        fenced: true,
        in_order: true,
        clipped: true,
        on_timeout: OnTimeout::Unknown,
        proof: Proof::ByNumber,
    };

    /// Each without one precaution.
    pub const BROKEN: [Self; 11] = [
        Self { name: "an order is sent again when its time is out", on_timeout: OnTimeout::SentAgain, ..Self::OURS },
        Self { name: "a time-out is taken for a refusal", on_timeout: OnTimeout::Refused, ..Self::OURS },
        Self { name: "asked is whether there is a position", proof: Proof::ThePosition, ..Self::OURS },
        Self { name: "an order is sent before it is stored", intent_first: false, ..Self::OURS },
        Self { name: "the journal is written after the call", journal_first: false, ..Self::OURS },
        Self { name: "sessions have no epoch", fenced: false, ..Self::OURS },
        Self { name: "overtaken letters are taken in", in_order: false, ..Self::OURS },
        Self { name: "a close of unknown outcome is sent again", on_timeout: OnTimeout::CloseSentAgain, ..Self::OURS },
        Self { name: "a close is not held against the live position", clipped: false, ..Self::OURS },
        Self { name: "one look that finds nothing is a proof", proof: Proof::OneEmptyLook, ..Self::OURS },
        Self { name: "a question that failed is an empty answer", proof: Proof::FailureIsEmpty, ..Self::OURS },
    ];
}
