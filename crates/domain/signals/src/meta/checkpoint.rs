use serde::{Deserialize, Serialize};

use super::calibration::Claims;
use super::record::Record;
use super::{MetaBrain, MetaConfig, PER_BRAIN};

/// Version 2 added the results in R and the log-odds that were claimed. Version 1 is taken over without them.
const VERSION: u32 = 2;
const OLDEST: u32 = 1;

/// A MetaBrain's experience as stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MetaCheckpoint {
    version: u32,
    brains: Vec<(String, Vec<(u16, Record)>)>,
    bins: Vec<(u16, Claims)>,
}

impl MetaCheckpoint {
    /// The brains it knows, in the order of their places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.brains.iter().map(|(name, _)| name.as_str())
    }
}

/// Why stored experience cannot be taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetaCheckpointError {
    /// Written by another release.
    #[error(
        "the MetaBrain's stored experience has version {got}, this release reads {OLDEST} to {VERSION}: go on with the \
         release that wrote it, or begin a new database"
    )]
    Version {
        /// The version found.
        got: u32,
    },
    /// A record that cannot be.
    #[error("the MetaBrain's stored record {place} cannot be: {record:?}; restore the database from a backup")]
    Record {
        /// Its place.
        place: u16,
        /// What was found.
        record: Record,
    },
    /// A bin of the calibration that cannot be.
    #[error("the MetaBrain's stored bin {place} cannot be: {claims:?}; restore the database from a backup")]
    Bin {
        /// Its place.
        place: u16,
        /// What was found.
        claims: Claims,
    },
}

impl MetaBrain {
    /// All experience, to be stored.
    pub fn checkpoint(&self) -> MetaCheckpoint {
        let seen = |records: &[Record]| {
            let seen = records.iter().enumerate().filter(|(_, record)| !record.is_empty());
            seen.map(|(place, record)| (place as u16, *record)).collect()
        };
        let brains = self.names.iter().zip(self.records.chunks(PER_BRAIN));
        MetaCheckpoint {
            version: VERSION,
            brains: brains.map(|(name, records)| (name.clone(), seen(records))).collect(),
            bins: self.calibration.stored(),
        }
    }

    /// Puts stored experience in the place of its own. Brains are found by name: one that is new starts afresh, one
    /// that is gone is forgotten. On an error nothing has changed.
    pub fn restore(&mut self, checkpoint: &MetaCheckpoint) -> Result<(), MetaCheckpointError> {
        if !(OLDEST..=VERSION).contains(&checkpoint.version) {
            return Err(MetaCheckpointError::Version { got: checkpoint.version });
        }
        let fill = |records: &mut [Record], stored: &[(u16, Record)]| {
            for &(place, record) in stored {
                let slot = records.get_mut(usize::from(place)).filter(|_| record.is_sound());
                *slot.ok_or(MetaCheckpointError::Record { place, record })? = record;
            }
            Ok(())
        };
        let mut restored = Self::new(MetaConfig { settings: self.settings }, self.names.iter().map(String::as_str));
        for (name, stored) in &checkpoint.brains {
            match self.names.iter().position(|known| known == name) {
                Some(brain) => fill(&mut restored.records[brain * PER_BRAIN..][..PER_BRAIN], stored)?,
                None => fill(&mut [Record::default(); PER_BRAIN], stored)?,
            }
        }
        let bins = restored.calibration.restore(&checkpoint.bins);
        bins.map_err(|(place, claims)| MetaCheckpointError::Bin { place, claims })?;
        *self = restored;
        Ok(())
    }
}
