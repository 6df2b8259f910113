//! The fenced blocks of a page. A comment in the line above a fence, which neither GitHub nor mdBook shows, says what a block is:
//!
//! - ```` ```sh ```` alone: commands, which a test runs in this order;
//! - `<!-- not run: REASON -->`: commands that are only held against the verbs and flags that there are;
//! - `<!-- file: NAME -->`: what is written to this file before what follows is run, also where it is a script;
//! - `<!-- output -->`: lines that the block of commands before must have said, `…` standing for whatever is between;
//! - `<!-- message -->`: words that the binary's source holds, `…` likewise. For what cannot be brought about in a page.

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// The line of its fence.
    pub line: usize,
    pub language: String,
    /// What the comment above it says.
    pub mark: Option<String>,
    pub text: String,
}

/// A line of a shell, with the exit code that `# exit N` behind it says.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    pub line: String,
    pub exit: i32,
}

/// The blocks of a page, in their order.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    let mut above = "";
    while let Some((at, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            above = line;
            continue;
        };
        let inner: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
        let mark = above.trim().strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->"));
        let text = inner.iter().flat_map(|line| [line, "\n"]).collect();
        blocks.push(Block { line: at + 1, language: language.to_owned(), mark: mark.map(str::to_owned), text });
        above = "";
    }
    blocks
}

impl Block {
    pub fn is_shell(&self) -> bool {
        self.language == "sh"
    }

    /// The reason why its commands are not run.
    pub fn not_run(&self) -> Option<&str> {
        self.mark.as_deref().and_then(|mark| mark.strip_prefix("not run:")).map(str::trim)
    }

    /// The file that it is.
    pub fn file(&self) -> Option<&str> {
        self.mark.as_deref().and_then(|mark| mark.strip_prefix("file:")).map(str::trim)
    }

    pub fn is_output(&self) -> bool {
        self.mark.as_deref() == Some("output")
    }

    pub fn is_message(&self) -> bool {
        self.mark.as_deref() == Some("message")
    }

    /// Its commands; a line that ends with `\` goes on in the next.
    pub fn commands(&self) -> Vec<Command> {
        let joined = self.text.replace("\\\n", " ");
        let lines = joined.lines().filter_map(|line| {
            let (command, comment) = apart(line);
            let exit = comment
                .trim()
                .strip_prefix("exit ")
                .and_then(|code| code.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
            (!command.trim().is_empty()).then(|| Command { line: command.trim().to_owned(), exit: exit.unwrap_or(0) })
        });
        lines.collect()
    }
}

/// A line's command and its comment: what follows a `#` that begins a word outside quotes.
fn apart(line: &str) -> (&str, &str) {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return (&line[..at], &line[at + 1..]),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        before = c;
    }
    (line, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_mark_and_its_commands_their_exit_codes() {
        let page = "text\n\n<!-- not run: it needs AWS -->\n```sh\na --b 'x # y' # exit 3, and why\n# a comment\nc \\\n  d\n```\n\n<!-- file: a.js -->\n```js\nx\n```\n```text\n```\n";
        let blocks = blocks(page);
        assert_eq!((blocks.len(), blocks[0].line, blocks[0].not_run()), (3, 4, Some("it needs AWS")));
        let commands = |line: &str, exit| Command { line: line.into(), exit };
        assert_eq!(blocks[0].commands(), [commands("a --b 'x # y'", 3), commands("c    d", 0)]);
        assert_eq!((blocks[1].file(), blocks[1].text.as_str(), blocks[2].mark.as_ref()), (Some("a.js"), "x\n", None));
    }
}
