//! Comparison tables as JSON Lines and CSV.

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::factor_file::{Header, cell, csv_error, parse_cell, read_header, write_line};
use crate::error::{Error, Place, Result};
use crate::factor::FactorSpec;
use crate::id::{AgentId, FactorId, PairId, PromptId};
use crate::preference::formats::{LineReader, NATIVE_REMEDY, parse_line};
use crate::preference::{Choice, Failure, FailureKind, Judgement, Preference};
use crate::table::comparison::JudgementCollector;
use crate::table::{AgentJudgements, ComparedPair, ComparisonTable, JudgementRow};

const SCHEMA: &str = "prefactor.comparison_table/1";

/// The fixed columns of the CSV form; factors follow.
pub(super) const COLUMNS: [&str; 9] =
    ["pair_id", "prompt_id", "domain", "agent", "annotator", "preference", "failure", "strength", "weight"];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    pair_id: PairId,
    prompt_id: PromptId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain: Option<Arc<str>>,
    differences: BTreeMap<FactorId, f64>,
    #[serde(default)]
    judgements: Vec<Judgement>,
}

/// Rows of a file on their way into a table.
struct Reading {
    specs: Vec<FactorSpec>,
    prompts: Vec<PromptId>,
    prompt_places: FxHashMap<PromptId, u32>,
    pairs: Vec<ComparedPair>,
    pair_places: FxHashMap<PairId, u32>,
    columns: Vec<Vec<f64>>,
    judgements: JudgementCollector,
}

impl Reading {
    fn new(specs: Vec<FactorSpec>) -> Self {
        Self {
            columns: vec![Vec::new(); specs.len()],
            specs,
            prompts: Vec::new(),
            prompt_places: FxHashMap::default(),
            pairs: Vec::new(),
            pair_places: FxHashMap::default(),
            judgements: JudgementCollector::default(),
        }
    }

    fn pair(&mut self, id: PairId, prompt: PromptId, domain: Option<Arc<str>>) -> u32 {
        let prompts = &mut self.prompts;
        let prompt = *self.prompt_places.entry(prompt).or_insert_with_key(|prompt| {
            prompts.push(prompt.clone());
            (prompts.len() - 1) as u32
        });
        let place = self.pairs.len() as u32;
        self.pair_places.insert(id.clone(), place);
        self.pairs.push(ComparedPair { id, prompt, domain });
        place
    }

    fn finish(self) -> ComparisonTable {
        self.judgements.table(self.prompts, self.pairs, self.specs.into_iter().zip(self.columns).collect())
    }
}

impl ComparisonTable {
    /// Writes the table as JSON Lines: a header with the factors, then a line a pair.
    ///
    /// # Errors
    ///
    /// [`Error::Serialization`] where the writer fails.
    pub fn write_jsonl(&self, mut writer: impl Write) -> Result<()> {
        write_line(&mut writer, &Header { schema: SCHEMA.into(), factors: self.specs().cloned().collect() })?;
        let mut cursors = vec![0usize; self.agents().len()];
        for (place, pair) in self.pairs().iter().enumerate() {
            let known = self.columns().iter().filter(|column| !column.raw()[place].is_nan());
            let row = Row {
                pair_id: pair.id.clone(),
                prompt_id: self.prompts()[pair.prompt as usize].clone(),
                domain: pair.domain.clone(),
                differences: known.map(|column| (column.spec().id.clone(), column.raw()[place])).collect(),
                judgements: self.judgements_at(place, &mut cursors),
            };
            write_line(&mut writer, &row)?;
        }
        writer.flush().map_err(Error::serialization("a table cannot be written"))
    }

    /// The judgements of the pair at `place`; rows are in the order of the pairs, so a cursor an agent suffices.
    pub(super) fn judgements_at(&self, place: usize, cursors: &mut [usize]) -> Vec<Judgement> {
        let mut judgements = Vec::new();
        for (agent, cursor) in self.agents().iter().zip(cursors) {
            while let Some(row) = agent.rows().get(*cursor).filter(|row| row.pair as usize == place) {
                judgements.push(self.judgement(agent, row));
                *cursor += 1;
            }
        }
        judgements
    }

    fn judgement(&self, agent: &AgentJudgements, row: &JudgementRow) -> Judgement {
        let preference = match row.choice {
            Choice::A => Preference::A,
            Choice::B => Preference::B,
            Choice::Tie => Preference::Tie,
            Choice::BothBad => Preference::BothBad,
            Choice::Abstained => Preference::Abstained,
            Choice::Failed(kind) => {
                let kind = self.failure_kinds().get(usize::from(kind)).cloned();
                Preference::Failed(Failure::new(kind.unwrap_or_else(|| FailureKind::Other("unknown".into()))))
            }
        };
        let mut judgement = Judgement::new(agent.agent().clone(), preference);
        judgement.annotator = row.annotator.and_then(|place| agent.annotators().get(place as usize).cloned());
        judgement.strength = row.strength;
        judgement.weight = (row.weight != 1.0).then_some(row.weight);
        judgement
    }

    /// Reads what [`ComparisonTable::write_jsonl`] wrote; `name` stands for the file in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] with line and field, [`Error::DuplicateId`] for a pair that is there twice,
    /// [`Error::UnknownId`] for a factor that the header does not have.
    pub fn read_jsonl(reader: impl BufRead, name: impl AsRef<Path>) -> Result<Self> {
        let path = name.as_ref();
        let mut lines = LineReader::new(path, reader);
        let mut reading = Reading::new(read_header(&mut lines, path, SCHEMA)?);
        while let Some((line, text)) = lines.next_line()? {
            let mut row: Row = parse_line(path, line, text, NATIVE_REMEDY)?;
            let place = Place::file(path).line(line);
            if reading.pair_places.contains_key(&row.pair_id) {
                return Err(Error::DuplicateId { place, kind: "pair", id: row.pair_id.as_str().to_owned() });
            }
            for (spec, column) in reading.specs.iter().zip(&mut reading.columns) {
                column.push(row.differences.remove(&spec.id).unwrap_or(f64::NAN));
            }
            if let Some(unknown) = row.differences.keys().next() {
                return Err(Error::UnknownId {
                    place,
                    kind: "factor",
                    id: unknown.as_str().to_owned(),
                    remedy: "name it in the header".into(),
                });
            }
            let pair = reading.pair(row.pair_id, row.prompt_id, row.domain);
            for judgement in &row.judgements {
                reading.judgements.push(pair, judgement);
            }
        }
        Ok(reading.finish())
    }

    /// Writes the table as CSV, a row a judgement: identifiers, judgement, then a column a factor with the
    /// differences A − B. A missing value is an empty cell; a pair that nobody judged has one row without an agent.
    /// Definitions are only in [JSON Lines](ComparisonTable::write_jsonl).
    ///
    /// # Errors
    ///
    /// [`Error::Serialization`] where the writer fails.
    pub fn write_csv(&self, writer: impl Write) -> Result<()> {
        let failed = || Error::serialization("a table cannot be written");
        let mut csv = csv::Writer::from_writer(writer);
        let names = self.specs().map(|spec| spec.id.as_str());
        csv.write_record(COLUMNS.into_iter().chain(names)).map_err(failed())?;
        let mut cursors = vec![0usize; self.agents().len()];
        for (place, pair) in self.pairs().iter().enumerate() {
            let differences: Vec<String> =
                self.columns().iter().map(|column| cell(Some(column.raw()[place]).filter(|d| !d.is_nan()))).collect();
            let start = [
                pair.id.as_str(),
                self.prompts()[pair.prompt as usize].as_str(),
                pair.domain.as_deref().unwrap_or_default(),
            ];
            let mut write = |judgement: [String; 6]| {
                let row = start.iter().copied().chain(judgement.iter().map(String::as_str));
                csv.write_record(row.chain(differences.iter().map(String::as_str))).map_err(failed())
            };
            let judgements = self.judgements_at(place, &mut cursors);
            if judgements.is_empty() {
                write(Default::default())?;
            }
            for judgement in judgements {
                let (preference, failure) = match judgement.preference {
                    Preference::A => ("a", None),
                    Preference::B => ("b", None),
                    Preference::Tie => ("tie", None),
                    Preference::BothBad => ("both_bad", None),
                    Preference::Abstained => ("abstain", None),
                    Preference::Failed(failure) => ("", Some(failure.kind)),
                };
                write([
                    judgement.agent.as_str().to_owned(),
                    judgement.annotator.map_or_else(String::new, |annotator| annotator.as_str().to_owned()),
                    preference.to_owned(),
                    failure.map_or_else(String::new, String::from),
                    cell(judgement.strength),
                    cell(judgement.weight),
                ])?;
            }
        }
        csv.flush().map_err(Error::serialization("a table cannot be written"))
    }

    /// Reads what [`ComparisonTable::write_csv`] wrote; `name` stands for the file in errors. Columns besides the
    /// fixed ones are factors.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] and [`Error::NonFinite`] with line and column.
    pub fn read_csv(reader: impl Read, name: impl AsRef<Path>) -> Result<Self> {
        let path = name.as_ref();
        let mut csv = csv::Reader::from_reader(reader);
        let headers = csv.headers().map_err(csv_error(path))?.clone();
        let fixed = |name: &str| headers.iter().position(|header| header == name);
        let mut places = [0usize; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = fixed(name).ok_or_else(|| Error::Malformed {
                place: Place::file(path).line(1),
                problem: format!("there is no column `{name}`"),
                remedy: format!("the table needs the columns {}", COLUMNS.join(", ")),
            })?;
        }
        let factors: Vec<(usize, &str)> =
            headers.iter().enumerate().filter(|(place, _)| !places.contains(place)).collect();
        let specs = factors.iter().map(|(_, name)| FactorSpec::given(*name, "given with the data")).collect();
        let mut reading = Reading::new(specs);
        for record in csv.records() {
            let record = record.map_err(csv_error(path))?;
            let place = Place::file(path).line(record.position().map_or(0, csv::Position::line));
            let field = |column: usize| record.get(places[column]).unwrap_or_default();
            let id = PairId::from(field(0));
            let pair = match reading.pair_places.get(&id) {
                Some(&pair) if pair as usize + 1 == reading.pairs.len() => pair,
                Some(_) => {
                    return Err(Error::Malformed {
                        place,
                        problem: format!("rows of pair `{id}` do not stand together"),
                        remedy: "sort the file by pair_id".into(),
                    });
                }
                None => {
                    for (column, (cell_place, name)) in factors.iter().enumerate() {
                        let value = parse_cell(record.get(*cell_place).unwrap_or_default(), name, place.clone())?;
                        reading.columns[column].push(value.unwrap_or(f64::NAN));
                    }
                    let domain = Some(field(2)).filter(|domain| !domain.is_empty()).map(Arc::from);
                    reading.pair(id, PromptId::from(field(1)), domain)
                }
            };
            if field(3).is_empty() {
                continue;
            }
            let preference = match (field(5), field(6)) {
                ("a", "") => Preference::A,
                ("b", "") => Preference::B,
                ("tie", "") => Preference::Tie,
                ("both_bad", "") => Preference::BothBad,
                ("abstain", "") => Preference::Abstained,
                ("", kind) if !kind.is_empty() => Preference::Failed(Failure::new(kind.to_owned().into())),
                (preference, _) => {
                    return Err(Error::Malformed {
                        place: place.field("preference"),
                        problem: format!("`{preference}` is not a preference"),
                        remedy: "write a, b, tie, both_bad or abstain, or a kind in `failure` alone".into(),
                    });
                }
            };
            let mut judgement = Judgement::new(AgentId::from(field(3)), preference);
            judgement.annotator = Some(field(4)).filter(|annotator| !annotator.is_empty()).map(Into::into);
            judgement.strength = parse_cell(field(7), COLUMNS[7], place.clone())?;
            judgement.weight = parse_cell(field(8), COLUMNS[8], place)?;
            reading.judgements.push(pair, &judgement);
        }
        Ok(reading.finish())
    }
}
