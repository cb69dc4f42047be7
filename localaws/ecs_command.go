package localaws

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// program is what a container does once it has started.
type program struct {
	lines []programLine
	ends  bool          // by itself, after a while and with a code; otherwise it runs until it is stopped
	after time.Duration // at once if zero: then its task is never RUNNING
	code  int64
	words string // why it ended, as the container's reason; empty for an exit of its own
	spot  bool   // it ends because Fargate Spot wants its capacity back
}

// programLine is a line that a program writes.
type programLine struct {
	at   time.Duration
	text string
}

// The simulator runs commands of these words, joined by ";", "&&" or "||": echo TEXT, sleep SECONDS, exit N, true and false. They may be
// given to a shell (sh -c "…"). A command with any other word runs until it is stopped, unless it ends in "exit N": then the unknown words
// count as done at once.

// statement is one simple command of a script.
type statement struct {
	joint string // what stands before it: ";", "&&" or "||"
	words []string
	known bool
}

// parseCommand returns what a command does, given the container's environment. ok is false if it is not made of words that the simulator
// knows.
func parseCommand(command []string, environment map[string]string) (p program, ok bool) {
	script := statements(command, func(name string) string { return environment[name] })
	if len(script) == 0 {
		return program{}, false
	}
	last := script[len(script)-1]
	unknown := slices.ContainsFunc(script, func(s statement) bool { return !s.known })
	if unknown && last.words[0] != "exit" {
		return program{}, false
	}
	p.ends = true
	for _, s := range script {
		if s.skipped(p.code) {
			continue
		}
		if s.run(&p) {
			break
		}
	}
	return p, true
}

// skipped reports whether the statement is left out after one that ended with the code.
func (s statement) skipped(code int64) bool {
	return s.joint == "&&" && code != 0 || s.joint == "||" && code == 0
}

// run does what the statement says. It reports whether the program ends with it, or never gets past it.
func (s statement) run(p *program) bool {
	if !s.known {
		p.code = 0
		return false
	}
	argument := strings.Join(s.words[1:], " ")
	switch s.words[0] {
	case "echo":
		p.lines = append(p.lines, programLine{p.after, argument})
		p.code = 0
	case "sleep":
		if argument == "infinity" {
			p.ends = false
			return true
		}
		d, _ := seconds(argument) // known statements have a number
		p.after += d
		p.code = 0
	case "exit":
		if argument != "" {
			n, err := strconv.Atoi(argument)
			p.code = int64(n & 255)
			if err != nil {
				p.code = 2 // as shells do
			}
		}
		return true
	case "false":
		p.code = 1
	default:
		p.code = 0
	}
	return false
}

// seconds reads what sleep takes: a number of seconds, with an s behind it if you like, or of minutes (m) or hours (h). What is not zero
// takes at least a second.
func seconds(text string) (time.Duration, bool) {
	if text == "" {
		return 0, false
	}
	if last := text[len(text)-1]; last >= '0' && last <= '9' {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, false
	}
	if d > 0 {
		d = max(d, time.Second)
	}
	return d, true
}

// knows reports whether the simulator can run a simple command.
func knows(words []string) bool {
	switch words[0] {
	case "echo", "exit", "true", "false", ":":
		return true
	case "sleep":
		_, ok := seconds(strings.Join(words[1:], " "))
		return ok || len(words) == 2 && words[1] == "infinity"
	}
	return false
}

// shells are the programs that take a script behind -c.
var shells = []string{"sh", "bash", "ash", "dash"}

// statements splits a command. Without a shell it is one simple command, but a single word that is a script counts as one.
func statements(command []string, value func(string) string) []statement {
	switch {
	case len(command) == 0:
		return nil
	case len(command) >= 3 && slices.Contains(shells, lastSegment(command[0])) && strings.HasPrefix(command[1], "-") && strings.HasSuffix(command[1], "c"):
		return parseScript(command[2], value)
	case len(command) == 1 && strings.Contains(command[0], " "):
		return parseScript(command[0], value)
	}
	return []statement{{joint: ";", words: command, known: knows(command)}}
}

// scriptReader splits the text of a script into statements.
type scriptReader struct {
	done  []statement
	joint string
	words []string
	word  strings.Builder
	open  bool // a word has begun, although it may be empty yet
	odd   bool // the statement has something that the simulator does not know, such as a pipe
}

func (p *scriptReader) endWord() {
	if p.open {
		p.words = append(p.words, p.word.String())
	}
	p.word.Reset()
	p.open = false
}

func (p *scriptReader) endStatement(joint string) {
	p.endWord()
	if len(p.words) > 0 {
		p.done = append(p.done, statement{joint: p.joint, words: p.words, known: !p.odd && knows(p.words)})
	}
	p.joint, p.words, p.odd = joint, nil, false
}

// add adds text to the word.
func (p *scriptReader) add(text string) {
	p.open = true
	p.word.WriteString(text)
}

func parseScript(text string, value func(string) string) []statement {
	p := &scriptReader{joint: ";"}
	for text != "" {
		text = text[p.read(text, value):]
	}
	p.endStatement(";")
	return p.done
}

// read reads what the text begins with, and returns how long that is.
func (p *scriptReader) read(text string, value func(string) string) int {
	joint := text[:min(2, len(text))]
	switch text[0] {
	case '\'', '"':
		return p.readQuoted(text, value)
	case ';', '\n':
		p.endStatement(";")
		return 1
	case ' ', '\t':
		p.endWord()
		return 1
	case '\\':
		p.add(joint[1:])
		return len(joint)
	}
	if joint == "&&" || joint == "||" {
		p.endStatement(joint)
		return 2
	}
	if n := redirection(text); n > 0 && !p.open {
		return n // a log driver reads both outputs
	}
	n := plain(text)
	p.odd = p.odd || strings.ContainsAny(text[:n], "|&<>()`")
	p.add(os.Expand(text[:n], value))
	return n
}

// readQuoted reads a quoted part of a word. Variables count between double quotes only.
func (p *scriptReader) readQuoted(text string, value func(string) string) int {
	quoted, _, _ := strings.Cut(text[1:], text[:1])
	n := min(len(quoted)+2, len(text))
	if text[0] == '"' {
		quoted = os.Expand(quoted, value)
	}
	p.add(quoted)
	return n
}

// redirection returns the length of a redirection between the two outputs that the text begins with, or 0.
func redirection(text string) int {
	for _, r := range []string{">&2", "1>&2", "2>&1"} {
		if strings.HasPrefix(text, r) {
			return len(r)
		}
	}
	return 0
}

// plain returns how many of the text's bytes, at least one, are before the next that means something to the reader.
func plain(text string) int {
	if i := strings.IndexAny(text[1:], "'\"&|; \t\n\\"); i >= 0 {
		return i + 1
	}
	return len(text)
}
