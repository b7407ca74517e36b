//! What the scheduler and the layers cost.

use std::time::{Duration, Instant};

use prefactor::llm::layers::{Budgeted, Ledger, Limited, Retry};
use prefactor::llm::{LanguageModel, OpenAi, Request, Runner, Scripted};

use crate::server::{Server, chat};

fn requests(n: usize) -> Vec<Request> {
    (0..n).map(|i| Request::user(format!("item {i}"))).collect()
}

#[tokio::test]
async fn ten_thousand_instant_calls_take_less_than_a_second() {
    let model = Retry::new(Limited::new(Budgeted::new(Scripted::rule("m", |_| "x"), &Ledger::new())));
    let requests = requests(10_000);
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let begun = clock();
        let replies = Runner::new().concurrency(64).complete(&model, &requests).await;
        best = best.min(clock() - begun);
        assert!(replies.iter().all(Result::is_ok));
    }
    eprintln!("10,000 instant calls at concurrency 64 through three layers: {best:?}");
    assert!(best < Duration::from_secs(1), "{best:?}");
}

/// The time that this thread was running, where the system tells: what other processes take is not ours. Else, the time.
fn clock() -> Duration {
    static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let running = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let running = running.and_then(|text| text.split(' ').next()?.parse().ok());
    running.map_or_else(|| BEGUN.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// The share of the ideal throughput: 64 calls always with the server. It is asked how long it took for them, which is
/// a little more than the 100 ms that it waits.
async fn throughput(server: &Server, work: impl Future<Output = ()>) -> f64 {
    let (begun, before) = (Instant::now(), server.spent());
    work.await;
    (server.spent() - before).as_secs_f64() / 64.0 / begun.elapsed().as_secs_f64()
}

#[tokio::test]
async fn a_slow_server_is_used_at_95_percent() {
    let server = Server::start(|_| (Duration::from_millis(100), chat("x")));
    let backend = || OpenAi::builder("m").base_url(&server.url).build().unwrap();
    let model = Retry::new(Limited::new(Budgeted::new(backend(), &Ledger::new())));
    let requests = requests(64 * 15);
    let run = async |requests: &[Request]| {
        let replies = Runner::new().concurrency(64).complete(&model, requests).await;
        assert!(replies.iter().all(Result::is_ok));
    };
    // Connections are made once a run; the first requests are not counted.
    run(&requests[..64]).await;
    // The best of a few, because other processes may share the machine.
    let mut best = 0.0_f64;
    for _ in 0..4 {
        best = best.max(throughput(&server, run(&requests)).await);
        if best >= 0.95 {
            eprintln!("960 calls of 100 ms at concurrency 64: {:.1} % of the ideal throughput", 100.0 * best);
            return;
        }
    }
    // On a crowded machine the ideal is what 64 bare loops over the client reach in turn with it, and both vary by much.
    let bare = &backend();
    let mut reached = 0.0_f64;
    for _ in 0..4 {
        let loops = requests.chunks(15).map(|chunk| async move {
            for request in chunk {
                bare.complete(request).await.unwrap();
            }
        });
        let all = async {
            futures_util::future::join_all(loops).await;
        };
        reached = reached.max(throughput(&server, all).await);
        best = best.max(throughput(&server, run(&requests)).await);
    }
    let (best, reached) = (100.0 * best, 100.0 * reached);
    eprintln!("960 calls of 100 ms at concurrency 64: {best:.1} % of the ideal throughput, bare loops {reached:.1} %");
    assert!(best >= 0.8 * reached, "{best} {reached}");
}

#[tokio::test(start_paused = true)]
async fn no_place_is_ever_left_empty() {
    // With a clock that stands still while anything can run, the throughput is the ideal one to the millisecond.
    let latency = Duration::from_millis(100);
    let backend = Scripted::rule("m", |_| "x").latency(latency);
    let model = Retry::new(Limited::new(Budgeted::new(backend, &Ledger::new())));
    let requests = requests(64 * 15);
    let begun = tokio::time::Instant::now();
    Runner::new().concurrency(64).complete(&model, &requests).await;
    assert_eq!(begun.elapsed(), 15 * latency);
}
