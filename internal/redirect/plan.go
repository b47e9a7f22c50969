package redirect

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Table is the name of the table that has all rules, in the family inet.
const Table = "midstream"

// Plan is what is to be redirected.
type Plan struct {
	// To is the port of midstream's transparent mode.
	To uint16
	// Ports are the destination ports that clients are taken from.
	Ports []uint16
	// Own takes what this machine itself sends to others, but for what has Mark.
	Own  bool
	Mark uint32
	// Interfaces take what comes in by them and goes on to others.
	Interfaces []string
}

// Check refuses a plan that does nothing, or that the firewall would read otherwise.
func (p *Plan) Check() error {
	switch {
	case p.To == 0:
		return errors.New("there is no port to redirect to")
	case len(p.Ports) == 0:
		return errors.New("there are no ports to redirect: give some with --ports, as in 80,443")
	case !p.Own && len(p.Interfaces) == 0:
		return errors.New("there is nothing to redirect: leave out --no-own, or give --interface")
	}
	for _, n := range p.Ports {
		if n == 0 || n == p.To {
			return fmt.Errorf("port %d cannot be redirected to port %d", n, p.To)
		}
	}
	for _, name := range p.Interfaces {
		if name == "" || len(name) > 15 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"*\/`, r) }) {
			return fmt.Errorf("%s is not the name of an interface", strconv.QuoteToASCII(name))
		}
	}
	return nil
}

// Script is what nft -f reads: the table made anew, whatever was in it.
func (p *Plan) Script() string {
	var ports []string
	for _, n := range p.Ports {
		ports = append(ports, strconv.Itoa(int(n)))
	}
	take := fmt.Sprintf("fib daddr type local return\n\t\ttcp dport { %s } redirect to :%d\n", strings.Join(ports, ", "), p.To)
	var b strings.Builder
	b.WriteString(Removal())
	b.WriteString("table inet " + Table + " {\n")
	if p.Own {
		fmt.Fprintf(&b, "\tchain output {\n\t\ttype nat hook output priority -100; policy accept;\n\t\tmeta mark %#x return\n\t\t%s\t}\n", p.Mark, take)
	}
	if len(p.Interfaces) > 0 {
		var names []string
		for _, name := range p.Interfaces {
			names = append(names, `"`+name+`"`)
		}
		fmt.Fprintf(&b, "\tchain prerouting {\n\t\ttype nat hook prerouting priority -100; policy accept;\n\t\tiifname != { %s } return\n\t\t%s\t}\n", strings.Join(names, ", "), take)
	}
	b.WriteString("}\n")
	return b.String()
}

// Removal is what nft -f reads to take the table away; it is no error when there is
// none.
func Removal() string {
	return "table inet " + Table + "\ndelete table inet " + Table + "\n"
}
