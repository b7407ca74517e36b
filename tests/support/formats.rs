//! A record of every format, of our own text.

/// A good record of each format.
pub(crate) const GOOD: [(&str, &str); 18] = [
    (
        "prefactor",
        r#"{"id":"1","prompt_id":"p","a":{"text":"x"},"b":{"text":"y"},"judgements":[{"agent":"human","preference":"a"}]}"#,
    ),
    (
        "tldr-comparisons",
        r#"{"info":{"id":"t","post":"P","title":"T"},"summaries":[{"text":"a","policy":"s"},{"text":"b"}],"choice":1,"worker":"w","extra":{"confidence":3}}"#,
    ),
    (
        "tldr-axis",
        r#"{"info":{"id":"t","article":"P"},"summary":{"text":"a","policy":"s","axes":{"overall":3,"accuracy":null}},"worker":"w"}"#,
    ),
    (
        "shp",
        r#"{"post_id":"p","domain":"d","history":"h","c_root_id_A":"1","c_root_id_B":"2","human_ref_A":"a","human_ref_B":"b","labels":1,"score_ratio":2.5}"#,
    ),
    (
        "webgpt",
        r#"{"question":{"dataset":"d","id":"1","full_text":"q"},"quotes_0":{"title":["t"],"extract":["e"]},"answer_0":"a","score_0":0.5,"answer_1":"b","score_1":-0.5}"#,
    ),
    (
        "webgpt-original",
        r#"[{"question":{"full_text":"q"},"quotes":{"title":[],"extract":[]},"answer":"a","tokens":{},"score":0.5},{"question":{"full_text":"q"},"quotes":null,"answer":"b","tokens":{},"score":-0.5}]"#,
    ),
    ("hh-rlhf", r#"{"chosen":"\n\nHuman: q\n\nAssistant: a","rejected":"\n\nHuman: q\n\nAssistant: b"}"#),
    (
        "chatbot-arena",
        r#"{"question_id":"x","model_a":"m","model_b":"n","winner":"tie","judge":"j","conversation_a":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"conversation_b":[]}"#,
    ),
    (
        "arena-kaggle",
        r#"{"id":1,"model_a":"m","model_b":"n","prompt":"[\"q\"]","response_a":"[\"a\"]","response_b":"[\"b\"]","winner_model_a":1,"winner_model_b":0,"winner_tie":0}"#,
    ),
    (
        "arena-votes",
        r#"{"id":1,"model_a":"m","model_b":"n","winner":"model_a","prompt":"q","response_a":"a","response_b":"b"}"#,
    ),
    (
        "mt-bench",
        r#"{"question_id":8,"model_a":"m","model_b":"n","winner":"tie","judge":"expert_1","turn":1,"conversation_a":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"conversation_b":[{"role":"assistant","content":"b"}]}"#,
    ),
    (
        "ultrafeedback",
        r#"{"source":"s","instruction":"i","completions":[{"model":"m","response":"r","annotations":{"honesty":{"Rating":"3"}}}],"correct_answers":["None"]}"#,
    ),
    (
        "ultrafeedback-binarized",
        r#"{"prompt":"p","prompt_id":"1","chosen":[{"role":"user","content":"p"}],"rejected":[{"role":"user","content":"p"}],"score_chosen":2,"score_rejected":1}"#,
    ),
    (
        "helpsteer2-ratings",
        r#"{"prompt":"p","response":"r","helpfulness":[1,2],"correctness":2,"coherence":3,"complexity":4,"verbosity":0}"#,
    ),
    (
        "helpsteer2-preference",
        r#"{"prompt":"p","response_1":"a","response_2":"b","preference_strength":-2,"all_preferences_unprocessed":[{"strength":-2}]}"#,
    ),
    (
        "alpaca-eval",
        r#"{"dataset":"d","instruction":"i","output_1":"a","generator_1":"g","output_2":"b","generator_2":"h","annotator":"j","preference":1.25}"#,
    ),
    ("llmbar", r#"{"input":"i","output_1":"a","output_2":"b","label":1}"#),
    ("trl", r#"{"prompt":"p","chosen":"a","rejected":"b","margin":1}"#),
];

/// A document with one comparison.
pub(crate) const DOCUMENT: &str = r#"{"metadata":{"version":"2.0"},"annotators":{"x":{"description":"Select the response that is y","type":"principle"}},"comparisons":[{"id":"1","prompt":null,"response_a":{"text":"a"},"response_b":{"text":"b"},"annotations":{"x":{"pref":"a"}}}]}"#;
