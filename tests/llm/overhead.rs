//! What the scheduler and the layers cost.

use std::time::{Duration, Instant};

use prefactor::llm::layers::{Budgeted, Ledger, Limited, Retry};
use prefactor::llm::{OpenAi, Request, Runner, Scripted};

use crate::server::{Server, chat};

fn requests(n: usize) -> Vec<Request> {
    (0..n).map(|i| Request::user(format!("item {i}"))).collect()
}

#[tokio::test]
async fn ten_thousand_instant_calls_take_less_than_a_second() {
    let model = Retry::new(Limited::new(Budgeted::new(Scripted::rule("m", |_| "x"), &Ledger::new())));
    let requests = requests(10_000);
    let begun = Instant::now();
    let replies = Runner::new().concurrency(64).complete(&model, &requests).await;
    let elapsed = begun.elapsed();
    assert!(replies.iter().all(Result::is_ok));
    eprintln!("10,000 instant calls at concurrency 64 through three layers: {elapsed:?}");
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}

#[tokio::test]
async fn a_slow_server_is_used_at_95_percent() {
    const LATENCY: Duration = Duration::from_millis(100);
    let server = Server::start(|_| (LATENCY, chat("x")));
    let backend = OpenAi::builder("m").base_url(&server.url).build().unwrap();
    let model = Retry::new(Limited::new(Budgeted::new(backend, &Ledger::new())));
    let requests = requests(64 * 15);
    // Connections are made once a run; the first requests are not counted.
    Runner::new().concurrency(64).complete(&model, &requests[..64]).await;
    let mut best = 0.0_f64;
    // The best of a few: other processes share the machine, and what is asked is what the scheduler can do.
    for _ in 0..3 {
        let begun = Instant::now();
        let replies = Runner::new().concurrency(64).complete(&model, &requests).await;
        assert!(replies.iter().all(Result::is_ok));
        best = best.max(LATENCY.as_secs_f64() * 15.0 / begun.elapsed().as_secs_f64());
        if best >= 0.95 {
            break;
        }
    }
    eprintln!("960 calls of 100 ms at concurrency 64: {:.1} % of the ideal throughput", 100.0 * best);
    assert!(best >= 0.95, "{best}");
}
