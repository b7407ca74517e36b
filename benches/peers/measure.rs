//! Processor time and memory of this process.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

/// Calls of which the median is taken, at least.
const CALLS: usize = 5;

/// The shortest time that is measured at once, so that the clock's grain does not count.
const SHORTEST: Duration = Duration::from_millis(20);

/// A call that takes longer is measured once.
const LONG: Duration = Duration::from_secs(8);

/// How long a measurement goes on where calls are short.
const BUDGET: Duration = Duration::from_millis(1500);

/// The median processor time and the median elapsed time of a call, in milliseconds.
pub fn median(mut call: impl FnMut()) -> (f64, f64) {
    let (first, cpu) = (Instant::now(), ProcessTime::now());
    call();
    if first.elapsed() > LONG {
        return (cpu.elapsed().as_secs_f64() * 1e3, first.elapsed().as_secs_f64() * 1e3);
    }
    let repeats = (SHORTEST.as_secs_f64() / first.elapsed().as_secs_f64().max(1e-9)).ceil().clamp(1.0, 1e6) as u32;
    let (mut processor, mut elapsed) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while processor.len() < CALLS || (start.elapsed() < BUDGET && processor.len() < 25) {
        let (cpu, wall) = (ProcessTime::now(), Instant::now());
        for _ in 0..repeats {
            call();
        }
        processor.push(cpu.elapsed().as_secs_f64() * 1e3 / f64::from(repeats));
        elapsed.push(wall.elapsed().as_secs_f64() * 1e3 / f64::from(repeats));
    }
    let middle = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    (middle(&mut processor), middle(&mut elapsed))
}

/// How much more memory a call needs at its peak than there was before it, in bytes; Linux only.
pub fn peak<T>(call: impl FnOnce() -> T) -> (T, Option<u64>) {
    // 5: forget the highest figure so far.
    let forgotten = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = status("VmRSS:").filter(|_| forgotten);
    let value = call();
    let peak = status("VmHWM:").zip(before).map(|(peak, before)| peak.saturating_sub(before));
    (value, peak)
}

fn status(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| 1024 * kilobytes)
}
