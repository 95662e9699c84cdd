use super::FrameError;

/// How deep arrays and objects may be nested; messages need six.
pub const DEPTH_MAX: usize = 16;
/// How many items an array or object may have; the shortest ticks fill a frame with fewer.
pub const ITEMS_MAX: u32 = 4096;

/// Holds a line against both limits before anything is made of it: in one pass, without memory of its own. What is no
/// JSON passes or not; the reader says so.
pub(super) fn check(line: &[u8]) -> Result<(), FrameError> {
    let mut items = [0_u32; DEPTH_MAX];
    let mut depth = 0;
    let (mut in_string, mut escaped) = (false, false);
    for (byte, &what) in line.iter().enumerate() {
        if in_string {
            match what {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match what {
            b'"' => in_string = true,
            b'[' | b'{' => {
                let slot = items.get_mut(depth).ok_or(FrameError::TooDeep { byte })?;
                *slot = 1;
                depth += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth > 0 => {
                items[depth - 1] += 1;
                if items[depth - 1] > ITEMS_MAX {
                    return Err(FrameError::TooMany { byte });
                }
            }
            _ => {}
        }
    }
    Ok(())
}
