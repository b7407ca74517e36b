//! Marks of layout, citation and question.

use super::factor;
use crate::factor::{Category, FactorSpec, TaskKind};

factor! {
    /// `markdown`: headings, table rows, spans of emphasis, spans and blocks of code. Unit: marks.
    ///
    /// Markdown of the common kinds, counted line by line and without nesting; lists are [`Lists`]. Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Markdown};
    /// let document = Document::new(Tokenizer::Unicode, "# Title\n\n**bold** and `code`", None, None);
    /// assert_eq!(Markdown.measure(&document), Some(3.0));
    /// ```
    Markdown:
    FactorSpec::new("markdown", Category::Form, "marks", "headings, table rows, spans of emphasis, spans and blocks of code")
        .group("markup")
        .tasks(&[TaskKind::HelpfulResponse, TaskKind::DocumentQa]);
    |document| {
        let layout = document.layout();
        Some((layout.headings + layout.table_rows + layout.emphasis + layout.code) as f64)
    }
}

factor! {
    /// `lists`: items of bulleted and numbered lists. Unit: items.
    ///
    /// Lines that begin with `-`, `*`, `+` or a number with `.` or `)`, and a space, or with `•`. Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Lists};
    /// let document = Document::new(Tokenizer::Unicode, "- one\n- two\n1. three", None, None);
    /// assert_eq!(Lists.measure(&document), Some(3.0));
    /// ```
    Lists:
    FactorSpec::new("lists", Category::Form, "items", "items of bulleted and numbered lists")
        .group("structure")
        .tasks(&[TaskKind::HelpfulResponse, TaskKind::DocumentQa]);
    |document| {
        Some(document.layout().list_items as f64)
    }
}

factor! {
    /// `citations`: bracketed numbers, parenthesised authors with a year, and addresses. Unit: citations.
    ///
    /// `[1]`, `[2, 3]`, `[^4]`; `(Smith, 2020)`, one for each part between semicolons; `https://…` and `www.…`. Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Citations};
    /// let document = Document::new(Tokenizer::Unicode, "As shown [1] and again (Smith et al., 2020).", None, None);
    /// assert_eq!(Citations.measure(&document), Some(2.0));
    /// ```
    Citations:
    FactorSpec::new("citations", Category::Faithfulness, "citations", "bracketed numbers, parenthesised authors with a year, and addresses")
        .group("support")
        .tasks(&[TaskKind::HelpfulResponse, TaskKind::DocumentQa]);
    |document| {
        Some(document.layout().citations as f64)
    }
}

factor! {
    /// `questions`: question marks. Unit: marks.
    ///
    /// Also the full-width and the Arabic one. Range: 0 and up.
    ///
    /// ```
    /// use prefactor::factor::Factor;
    /// use prefactor::factor::text::{Document, Tokenizer, Questions};
    /// let document = Document::new(Tokenizer::Unicode, "Really? Why?", None, None);
    /// assert_eq!(Questions.measure(&document), Some(2.0));
    /// ```
    Questions:
    FactorSpec::new("questions", Category::Intent, "marks", "question marks")
        .group("dialogue")
        .tasks(&[TaskKind::HelpfulResponse, TaskKind::DocumentQa]);
    |document| {
        Some(document.layout().questions as f64)
    }
}
