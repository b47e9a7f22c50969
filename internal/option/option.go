package option

import "strings"

// Type is what values an option takes.
type Type uint8

// The types, with the Go type of their values. The value of an optional one may
// also be nil, which stands for "none".
const (
	Bool     Type = iota // bool
	Int                  // int64
	Size                 // int64, octets
	Duration             // time.Duration
	String               // string
	Choice               // string, one of Choices
	Path                 // string; "~/" is the home folder
	List                 // []string
	Paths                // []string, each as Path
)

// String is the word that stands in tables and JSON.
func (t Type) String() string {
	switch t {
	case Bool:
		return "bool"
	case Int:
		return "int"
	case Size:
		return "size"
	case Duration:
		return "duration"
	case String:
		return "string"
	case Choice:
		return "choice"
	case Path:
		return "path"
	case List:
		return "list"
	case Paths:
		return "list of paths"
	}
	return "?"
}

// many tells whether values of the type are lists.
func (t Type) many() bool { return t == List || t == Paths }

// Option is the declaration of one option. It must not be changed once it has
// been given to a Registry.
type Option struct {
	// Name is lower-case words joined by "_"; where mitmproxy has the option,
	// it is mitmproxy's name.
	Name string
	Type Type
	// Optional allows "none"; it is the default where Default is nil.
	Optional bool
	// Default has the Go type that belongs to Type. Nil is the zero value, or
	// none where Optional is set.
	Default any
	// Choices are the words that a Choice takes.
	Choices []string
	// Min and Max bound an Int, Size or Duration (in ns); both 0 is unbounded.
	Min, Max int64
	// Check refuses values that the type allows; nil refuses none. Its error
	// completes the sentence "option NAME: ".
	Check func(value any) error

	// Help is sentences; the first one stands alone on the help screen.
	Help  string
	Group string
	// Flag is the long flag without hyphens; "" is Name with "-" for "_".
	Flag string
	// Short is a one-letter flag. For a bool that is true by default it sets
	// false.
	Short string
	// Meta is what the value is called in help; "" follows from Type.
	Meta string
	// Implied is the value that the flag stands for where it is given none; "" asks
	// for one.
	Implied string
	// Main puts the option on the help screen.
	Main bool
	// Secret values are never printed and are read from FILE when written as
	// @FILE ("@@" begins a value with "@").
	Secret bool
	// OwnAt keeps a Secret whose values may begin with "@" from being read from a
	// file: the option reads it itself.
	OwnAt bool
	// Since is the version that brought the option.
	Since string
}

// FlagName is the long flag without hyphens.
func (o *Option) FlagName() string {
	if o.Flag != "" {
		return o.Flag
	}
	return strings.ReplaceAll(o.Name, "_", "-")
}

// Variable is the environment variable that sets the option.
func (o *Option) Variable() string { return "MIDSTREAM_" + strings.ToUpper(o.Name) }

// Metavar is what the value is called in help, "" for a bool.
func (o *Option) Metavar() string {
	if o.Meta != "" {
		return o.Meta
	}
	switch o.Type {
	case Bool:
		return ""
	case Int:
		return "N"
	case Size:
		return "SIZE"
	case Duration:
		return "TIME"
	case Choice:
		return strings.Join(o.Choices, "|")
	case Path, Paths:
		return "PATH"
	}
	return "TEXT"
}

// Brief is the first sentence of Help, without its full stop.
func (o *Option) Brief() string {
	first, _, _ := strings.Cut(o.Help, ". ")
	return strings.TrimSuffix(first, ".")
}

// TypeText is the type in words: "optional size", "one of eager, lazy".
func (o *Option) TypeText() string {
	text := o.Type.String()
	if o.Type == Choice {
		text = "one of " + strings.Join(o.Choices, ", ")
	}
	if o.Secret {
		text = "secret " + text
	}
	if o.Optional {
		text = "optional " + text
	}
	return text
}

// fallback is the value where nothing sets one.
func (o *Option) fallback() any {
	if o.Default != nil || o.Optional {
		return o.Default
	}
	return o.Type.zero()
}
