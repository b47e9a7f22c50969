package redaction

// sniff looks at how a text begins: JSON is read as JSON, whatever its type says.
type sniff struct {
	h     *hand
	out   sink
	other func(sink) stage // of what is no JSON; nil lets it through
	// text tells that it is said to be text, and not perhaps something else.
	text bool

	chosen stage
}

func (s *sniff) write(p []byte) {
	for i := 0; s.chosen == nil && i < len(p); i++ {
		switch c := p[i]; c {
		case ' ', '\t', '\r', '\n', 0xef, 0xbb, 0xbf:
		case '{', '[', '"', ')':
			s.chosen = newJSON(s.h, s.out)
		case 0, 0xfe, 0xff:
			if s.text {
				s.h.fail(errWide)
				return
			}
			s.chosen = plain{s.out}
		default:
			if s.other != nil {
				s.chosen = s.other(s.out)
			} else {
				s.chosen = plain{s.out}
			}
		}
	}
	if s.chosen == nil {
		s.out(p) // white space
		return
	}
	s.chosen.write(p)
}

const errWide = "its text is written in UTF-16 or UTF-32, which is not looked into: it was not recorded"

func (s *sniff) end(whole bool) {
	if s.chosen != nil {
		s.chosen.end(whole)
	}
}
