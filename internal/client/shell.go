package client

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Shells are the names that Script takes.
var Shells = []string{"sh", "bash", "fish", "powershell"}

// GuessShell returns the shell that SHELL names, as far as Script knows it: zsh
// and ksh read what sh does.
func GuessShell(shell, system string) string {
	name := strings.TrimSuffix(filepath.Base(shell), ".exe")
	switch {
	case name == "fish", name == "bash":
		return name
	case name == "pwsh", name == "powershell", shell == "" && system == "windows":
		return "powershell"
	}
	return "sh"
}

// Script returns lines that set the variables in a shell, for its eval. Values
// are quoted: nothing in them is carried out.
func Script(shell string, list []Variable) (string, error) {
	var form string
	var quote func(string) string
	switch shell {
	case "sh", "bash":
		form, quote = "export %s=%s\n", quoteSh
	case "fish":
		form, quote = "set -gx %s %s\n", quoteFish
	case "powershell":
		form, quote = "$env:%s = %s\n", quotePowershell
	default:
		return "", fmt.Errorf("unknown shell %q: it is one of %s", shell, strings.Join(Shells, ", "))
	}
	var b strings.Builder
	for _, v := range list {
		fmt.Fprintf(&b, form, v.Name, quote(v.Value))
	}
	return b.String(), nil
}

func quoteSh(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quoteFish: between single quotes fish knows \' and \\ only.
func quoteFish(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// quotePowershell doubles what PowerShell takes for a single quote, the
// typographic ones too.
func quotePowershell(s string) string {
	return "'" + strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(s) + "'"
}
