//! What the kernel tells of a process: the processor time it took and the memory it holds.
//!
//! Other programs on the machine lengthen a second and leave these nearly as they are.

use std::time::Duration;

/// Processor time of all threads so far, also of those that ended.
///
/// # Errors
/// Where there is no such process, or no Linux.
pub fn processor_time(pid: u32) -> Result<Duration, String> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    let after_name = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    let ticks = |place: usize| -> u64 {
        let word = after_name.split_whitespace().nth(place);
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    // The kernel counts in hundredths of a second here, and finely where threads still live.
    let coarse = Duration::from_millis(10 * (ticks(11) + ticks(12)));
    Ok(coarse.max(of_living_threads(pid).unwrap_or_default()))
}

fn of_living_threads(pid: u32) -> Option<Duration> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let of_thread = |thread: std::fs::DirEntry| -> Option<u64> {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    let nanos = threads.flatten().filter_map(of_thread).sum();
    Some(Duration::from_nanos(nanos))
}

/// Megabytes that it holds now.
///
/// # Errors
/// As [`processor_time`].
pub fn memory_mb(pid: u32) -> Result<f64, String> {
    status_mb(pid, "VmRSS:")
}

/// The most megabytes that it has held.
///
/// # Errors
/// As [`processor_time`].
pub fn most_memory_mb(pid: u32) -> Result<f64, String> {
    status_mb(pid, "VmHWM:")
}

/// What this process held so far does not count for [`most_memory_mb`] any more.
///
/// # Errors
/// Where the kernel does not let it.
pub fn forget_most_memory() -> Result<(), String> {
    std::fs::write("/proc/self/clear_refs", "5").map_err(|error| error.to_string())
}

fn status_mb(pid: u32, name: &str) -> Result<f64, String> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kilobytes.unwrap_or(0.0) / 1_024.0)
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}

/// The middle one of what was measured several times.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The one below which so many hundredths of them lie.
pub fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    let place = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    let last = sorted.len().saturating_sub(1);
    let at = place.saturating_sub(1).min(last);
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_has_taken_time_and_memory() {
        let own = std::process::id();
        let before = processor_time(own).unwrap();
        let mut sum = 0_u64;
        while processor_time(own).unwrap() <= before + Duration::from_millis(20) {
            sum = (0..100_000).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert!(memory_mb(own).unwrap() > 1.0, "{sum}");
        assert!(most_memory_mb(own).unwrap() >= memory_mb(own).unwrap() - 1.0);
        let large = vec![1_u8; 64 << 20];
        let held = most_memory_mb(own).unwrap();
        assert!(held > 64.0, "{}", large.len());
        drop(large);
        forget_most_memory().unwrap();
        assert!(most_memory_mb(own).unwrap() < held - 32.0);
        assert!(memory_mb(u32::MAX).is_err());
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let seen: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        for (percent, ms) in [(50.0, 100), (99.0, 198), (99.9, 200), (100.0, 200)] {
            assert_eq!(percentile(&seen, percent), Duration::from_millis(ms));
        }
        assert_eq!(percentile(&[], 50.0), Duration::ZERO);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
