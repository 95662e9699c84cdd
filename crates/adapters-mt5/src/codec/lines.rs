use super::FrameError;
use crate::wire::FRAME_MAX;

/// Cuts what a socket gives into lines, however it was cut on the way. Keeps one frame and what was read with it, never
/// more.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins.
    begin: usize,
    /// Up to here there is no newline.
    searched: usize,
    broken: bool,
}

impl Lines {
    /// Takes in what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line, without its newline; `None` until more was read.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], and from then on always.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, FrameError> {
        if self.broken {
            return Err(FrameError::TooLong);
        }
        let newline = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n');
        let end = newline.map_or(self.buffer.len(), |at| self.searched + at);
        // With its newline a frame has `FRAME_MAX` bytes at most.
        if end - self.begin >= FRAME_MAX {
            self.broken = true;
            return Err(FrameError::TooLong);
        }
        if newline.is_none() {
            self.searched = end;
            return Ok(None);
        }
        let begin = std::mem::replace(&mut self.begin, end + 1);
        self.searched = self.begin;
        Ok(Some(&self.buffer[begin..end]))
    }
}
