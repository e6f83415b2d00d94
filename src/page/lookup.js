// Where an answer stands in the corpus: what answers/provenance.py does, and a test holds the two
// together. \w of Python's expressions is written out, since JavaScript's knows ASCII only.

"use strict";

const WORD = "[\\p{L}\\p{N}_]", CAPITAL = "(?![a-z])\\p{L}";
const CAPITALISED = `${CAPITAL}(?:${WORD}|['\u2019-])*`;
const RUN = `(?<run>${CAPITALISED}(?: ${CAPITALISED})*)`;
const NAME_BEFORE = new RegExp(
  `(?:(?<!${WORD})(?:${RUN}|${CAPITAL}\\.|(?:St|Ste|Mt|Ft|Dr|Mrs?)\\.)) $|${WORD}-$`, "u");
const NAME_AFTER = new RegExp(`^(?: ${RUN}|-${WORD})`, "u");
const OPENING = new RegExp("(?:^|[.!?;:\"\u201c(] *)(?:In|At|Near|From|To|Of|On|By|For|With|Since|" +
  "Until|Outside|Inside|Around|Before|After|While|When|Where|As|Although|Though|And|But|Both) $", "u");
const AFTERWARDS = new RegExp(`^ (?:City|He|She|It|They|His|Her|Their|The)(?!${WORD})`, "u");
const SENTENCE_END = new RegExp(`(?<!(?<!${WORD})(?:${WORD}|St|Dr)\\.)(?<=[.!?])\\s+(?=${CAPITAL})`, "gu");
const BEFORE = 60; // characters before a place that are looked at

const isWord = (character) => character !== undefined && new RegExp(WORD, "u").test(character);

/** Whether a document is about this name, and not about a longer one. */
function ownDocument(document, name) {
  const rest = document.slice(name.length);
  const longer = /^ \p{Lu}/u.test(rest) && !name.endsWith(".");
  return document.startsWith(name) && !longer && !/^[\p{L}\p{N}_-]/u.test(rest);
}

/** Where `words` stand in the text as whole words. */
function wholeWords(text, words) {
  const found = [];
  for (let at = text.indexOf(words); words && at >= 0; at = text.indexOf(words, at + 1)) {
    if (!isWord(text[at - 1]) && !isWord(text[at + words.length])) found.push(at);
  }
  return found;
}

/** Whether document[start:end] is part of a longer name: York in New York. Two places are two names
 *  where a comma parts them elsewhere in the corpus. */
function inLongerName(documents, document, start, end) {
  const words = document.slice(start, end), rest = document.slice(end);
  const head = document.slice(Math.max(0, start - BEFORE), start);
  const stands = (text) => documents.some((other) => other.includes(text));
  const after = NAME_AFTER.exec(rest), before = NAME_BEFORE.exec(head);
  if (after && !AFTERWARDS.test(rest)) {
    if (!after.groups.run || !stands(`${words}, ${after.groups.run}`)) return true;
  }
  if (before && !OPENING.test(head)) {
    return !before.groups.run || !stands(`${before.groups.run}, ${words}`);
  }
  return false;
}

/** The sentence of a document in which `place` first stands, but not as part of the name or of a
 *  longer one: {text, start, end}, the place being text[start:end]; null if there is none. */
function sentenceOf(documents, document, place, name) {
  const names = [];
  for (let at = document.indexOf(name); name && at >= 0; at = document.indexOf(name, at + name.length)) {
    names.push(at);
  }
  const start = wholeWords(document, place).find((at) =>
    !names.some((from) => from <= at && at + place.length <= from + name.length)
    && !inLongerName(documents, document, at, at + place.length));
  if (start === undefined) return null;
  const end = start + place.length, gaps = Array.from(document.matchAll(SENTENCE_END));
  const first = Math.max(0, ...gaps.map((gap) => gap.index + gap[0].length).filter((at) => at <= start));
  const last = Math.min(document.length, ...gaps.map((gap) => gap.index).filter((at) => at >= end));
  return { text: document.slice(first, last), start: start - first, end: end - first };
}

/** What the corpus says: {lines: of the person's documents, from 1, line and sentence: of the first
 *  that mentions the place, or null}. */
function lookUp(documents, name, place) {
  const lines = [];
  documents.forEach((document, i) => { if (ownDocument(document, name)) lines.push(i + 1); });
  for (const line of lines) {
    const sentence = sentenceOf(documents, documents[line - 1], place, name);
    if (sentence) return { lines, line, sentence };
  }
  return { lines, line: null, sentence: null };
}
