package redirect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// Apply has nft run a script.
func Apply(ctx context.Context, script string) error {
	_, err := nft(ctx, script, "-f", "-")
	return err
}

// Status returns the rules that are there, "" for none.
func Status(ctx context.Context) (string, error) {
	rules, err := nft(ctx, "", "list", "table", "inet", Table)
	if err != nil && strings.Contains(err.Error(), "No such file or directory") {
		return "", nil
	}
	return rules, err
}

func nft(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "nft", args...)
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", errors.New("the program nft is not installed: install the package nftables")
	case err != nil && strings.Contains(said.String(), "Operation not permitted"):
		return "", errors.New("nft may not see or change the firewall: run this as root")
	case err != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return "", fmt.Errorf("nft: %s (%w)", first, err)
	}
	return out.String(), nil
}
