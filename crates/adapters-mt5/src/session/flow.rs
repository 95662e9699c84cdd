use crate::wire::{Envelope, Refuse, RefuseReason, VERSION};

/// The numbers of one connection's frames, on either side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    /// The session's name; empty before there is one.
    pub session: String,
    sent: u64,
    taken: u64,
    acknowledged: u64,
}

/// What a frame's number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The one that was expected.
    Next,
    /// So many are missing before it; it counts, and a snapshot has to be asked for.
    AfterGap(u64),
    /// It was there before, or a later one was, or it is of another session: it is passed over.
    Old,
}

impl Flow {
    /// The envelope of the next frame.
    pub fn wrap<M>(&mut self, message: M, cid: Option<String>, ts_utc: i64) -> Envelope<M> {
        self.sent += 1;
        let (session, ack) = (self.session.clone(), self.acknowledged);
        Envelope { v: VERSION, session, seq: self.sent, ack, cid, ts_utc, ts_server: None, message }
    }

    /// Takes a frame's number in.
    ///
    /// # Errors
    /// A frame numbered 0, or acknowledging what was never sent: such a peer is not spoken with.
    pub fn take<M>(&mut self, envelope: &Envelope<M>) -> Result<Arrival, Refuse> {
        let Envelope { session, seq, ack, .. } = envelope;
        if *session != self.session {
            return Ok(Arrival::Old);
        }
        if *seq == 0 {
            return Err(protocol("`seq` is 0; expected frames counted from 1".to_owned()));
        }
        if *ack > self.sent {
            return Err(protocol(format!("`ack` is {ack}; only {} frames were sent", self.sent)));
        }
        if *seq <= self.taken {
            return Ok(Arrival::Old);
        }
        let missing = seq - self.taken - 1;
        self.taken = *seq;
        Ok(if missing == 0 { Arrival::Next } else { Arrival::AfterGap(missing) })
    }

    /// From now on frames acknowledge everything that was taken in. Says whether that is news.
    pub fn acknowledge(&mut self) -> bool {
        std::mem::replace(&mut self.acknowledged, self.taken) != self.taken
    }
}

/// A refusal of somebody who does not keep to the protocol.
pub(super) fn protocol(text: String) -> Refuse {
    Refuse { reason: RefuseReason::Protocol, text }
}
