//! `prefactor judge`, `generate` and `extract --llm` against a server of this test that speaks OpenAI's interface.
#![cfg(all(feature = "cli", feature = "openai", feature = "cache"))]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prefactor::Report;
use prefactor::id::AgentId;
use serde_json::{Value, json};

/// A server that prefers the longer text, writes longer texts for higher scores, and rates everything 3.
struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                std::thread::spawn(move || serve(stream, &count));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    loop {
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        count.fetch_add(1, Ordering::SeqCst);
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let asked = body["messages"][1]["content"].as_str().expect("a question");
        let text = answer(asked);
        let reply = json!({"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
        .to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", reply.len());
        if stream.write_all((head + &reply).as_bytes()).is_err() {
            return;
        }
    }
}

fn shown(content: &str, name: &str) -> Option<String> {
    let (_, rest) = content.split_once(&format!("<{name}-"))?;
    let (nonce, rest) = rest.split_once(">\n")?;
    Some(rest.split_once(&format!("\n</{name}-{nonce}>"))?.0.to_owned())
}

fn answer(asked: &str) -> String {
    if let (Some(first), Some(second)) = (shown(asked, "first"), shown(asked, "second")) {
        return json!({"choice": if first.len() >= second.len() { "1" } else { "2" }}).to_string();
    }
    if let Some(level) = (1..=5).find(|level| asked.contains(&format!("exactly {level} out of 5"))) {
        // A sentence a level, no two alike: facts that say the same are counted once.
        return (0..level).map(|fact| format!("Paris has gate {fact}. ")).collect();
    }
    if let Some(passage) = shown(asked, "passage") {
        return json!({"facts": passage.split(". ").collect::<Vec<_>>()}).to_string();
    }
    if let Some(facts) = shown(asked, "facts") {
        let check = json!({"incorrect": false, "off_focus": false, "supported": true});
        return json!({"facts": facts.lines().map(|_| check.clone()).collect::<Vec<_>>()}).to_string();
    }
    json!({"fluency": 3}).to_string()
}

fn prefactor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prefactor")).args(args).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn scratch(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path.to_string_lossy().into_owned()
}

fn pairs() -> String {
    let path = scratch("llm.pairs.jsonl");
    let lines: String = (0..12)
        .map(|i| {
            let preference = if i % 4 == 0 { "b" } else { "a" };
            let line = json!({"id": i.to_string(), "prompt_id": format!("p{i}"), "prompt": format!("Question {i}?"),
                "a": {"text": format!("It is Paris, number {i}. It is big.")}, "b": {"text": format!("Paris {i}.")},
                "judgements": [{"agent": "human", "preference": preference}]});
            line.to_string() + "\n"
        })
        .collect();
    std::fs::write(&path, lines).expect("written");
    path
}

#[test]
fn judge_generate_extract_and_analyse_resumably() {
    let server = Server::start();
    let (pairs, cache) = (pairs(), scratch("replies.sqlite"));
    let [judged, written, measured] = ["judged.jsonl", "written.jsonl", "measured.jsonl"].map(scratch);
    let model = ["--model", "m", "--base-url", &server.url, "--cache", &cache];
    let run = |args: &[&str]| {
        let output = prefactor(&[args, &model].concat());
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout) + &text(&output.stderr)
    };
    let judge = ["judge", &pairs, "--task", "helpful_response", "--out", &judged];
    let plan = run(&[&judge[..], &["--plan"]].concat());
    assert!(plan.contains("judge: 24 calls") && !Path::new(&judged).exists(), "{plan}");
    assert_eq!(server.asked(), 0);
    let said = run(&judge);
    assert!(said.contains("24 calls"), "{said}");
    assert_eq!(server.asked(), 24);
    let first = std::fs::read_to_string(&judged).expect("the judged pairs");
    // Again, from the kept replies: the same bytes and no call.
    run(&judge);
    assert_eq!((server.asked(), std::fs::read_to_string(&judged).expect("the pairs") == first), (24, true));
    let plan = run(&[&judge[..], &["--plan"]].concat());
    assert!(!plan.contains("calls,"), "{plan}");
    // Another seed is other requests.
    run(&[&judge[..], &["--seed", "1", "--sample", "3", "--order", "single"]].concat());
    assert_eq!(server.asked(), 27);
    std::fs::write(&judged, first).expect("written");

    let generate = ["generate", &judged, "--task", "helpful_response", "--out", &written];
    run(&generate);
    assert_eq!(server.asked(), 27 + 60);
    // The look of every subcommand (see `command_look`): silent where that is asked for, counts as JSON.
    for (command, pairs) in [(&judge, 12), (&generate, 120)] {
        let outcome = scratch("outcome.json");
        let output = prefactor(&[&command[..], &model, &["--quiet", "--json", &outcome]].concat());
        assert_eq!(text(&output.stdout) + &text(&output.stderr), "", "{command:?}");
        let outcome: Value =
            serde_json::from_str(&std::fs::read_to_string(&outcome).expect("an outcome")).expect("JSON");
        assert_eq!((&outcome["command"], &outcome["pairs"]), (&json!(command[0]), &json!(pairs)), "{outcome}");
        assert_eq!(outcome["spent"]["calls"], 0, "all from the cache: {outcome}");
    }
    let factors = ["--llm", "--model-factors", "facts,misinformation,fluency", "--factors", "length"];
    let extract =
        [&["extract", &judged, &written, "--task", "helpful_response", "--out", &measured], &factors[..]].concat();
    run(&extract);
    let report =
        prefactor(&["analyze", &measured, "--factors", "length,facts,fluency", "--replicates", "100", "--json", "-"]);
    assert!(report.status.success(), "{}", text(&report.stderr));
    let report = Report::from_json(&text(&report.stdout)).expect("a report");
    assert_eq!(report.judges[&AgentId::from("m/evaluation")].order.consistency.estimate, Some(1.0));
    assert_eq!(report.agents[&AgentId::from("m/generation")].influence.tau14["length"].counts.concordant, 120);
    assert_eq!(report.agents[&AgentId::from("m/generation")].influence.tau14["facts"].counts.concordant, 120);
    assert_eq!(report.settings.len(), 1);
    let words = prefactor(&["analyze", &measured, "--factors", "length,facts", "--replicates", "100"]);
    assert!(text(&words.stdout).contains("m/evaluation and m/generation, beside human"));
}

#[test]
fn what_cannot_be_asked_is_said_at_once() {
    let pairs = pairs();
    let task = scratch("own.toml");
    std::fs::write(&task, "name = \"own\"\ndescription = \"answers\"\nmodel_factors = [\"warmth\"]\n")
        .expect("written");
    for (args, code, words) in [
        (vec!["judge", &pairs], 2, "--model"),
        #[cfg(not(feature = "gemini"))]
        (vec!["judge", &pairs, "--model", "m", "--backend", "gemini", "--task", "helpful_response"], 2, "gemini"),
        (vec!["judge", &pairs, "--model", "m", "--base-url", "ftp://x", "--task", "helpful_response"], 2, "http"),
        (
            vec!["judge", &pairs, "--model", "m", "--base-url", "http://127.0.0.1:9", "--logprobs"],
            5,
            "log-probabilities",
        ),
        (
            vec!["judge", &pairs, "--model", "m", "--base-url", "http://127.0.0.1:9", "--task", &task],
            2,
            "known are facts",
        ),
        (
            vec!["judge", &pairs, "--model", "m", "--base-url", "http://127.0.0.1:9", "--task", "summarization"],
            1,
            "source",
        ),
        (vec!["generate", &pairs, "--model", "m", "--base-url", "http://127.0.0.1:9", "--levels", "1"], 2, "levels"),
    ] {
        let output = prefactor(&args);
        let errors = text(&output.stderr);
        assert!(errors.contains(words), "{args:?}: {errors}");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {errors}");
    }
}
