package view

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// showRaw prints text as it is, line by line.
func showRaw(s *source, p *page) error {
	s.asUTF8()
	for !p.full {
		text, err := s.r.ReadSlice('\n')
		if line, ended := bytes.CutSuffix(text, []byte("\n")); ended {
			p.bytes(bytes.TrimSuffix(line, []byte("\r")))
			p.end()
		} else {
			p.bytes(text)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil && len(text) == 0 {
			return errCut
		}
	}
	return nil
}

const hexWidth = 16

// showHex prints offset, octets and letters, 16 octets a line. Lines before the
// window are not made.
func showHex(s *source, p *page) error {
	at := p.from * hexWidth
	if p.from > 0 {
		if p.from > 1<<58 || !s.skip(at) {
			return nil // the window is behind the end
		}
		p.n = p.from
	}
	var octets [hexWidth]byte
	for !p.full {
		n, err := io.ReadFull(s.r, octets[:])
		if n > 0 {
			hexLine(p, at, octets[:n])
			at += int64(n)
		}
		if err != nil {
			return nil // what ended it is noted by the source
		}
	}
	return nil
}

func hexLine(p *page, at int64, octets []byte) {
	p.printf("%08x ", at)
	for i := range hexWidth {
		if i%8 == 0 {
			p.octet(' ')
		}
		if i < len(octets) {
			p.printf("%02x ", octets[i])
		} else {
			p.text("   ")
		}
	}
	p.text(" ")
	for _, c := range octets {
		if c < ' ' || c > '~' {
			c = '.'
		}
		p.octet(c)
	}
	p.end()
}

// editHex reads octets from lines of showHex, or from plain hexadecimal digits.
// Offsets and letters are not looked at.
func editHex(text string) ([]byte, error) {
	var out []byte
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if offset, rest, ok := strings.Cut(line, "  "); ok && len(offset) >= 8 && isHex(offset) {
			// Two groups of eight with two blanks between them; the letters follow two more.
			line = rest[:min(len(rest), 3*hexWidth+1)]
		}
		p, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, p...)
	}
	return out, nil
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }
