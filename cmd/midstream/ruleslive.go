package main

import (
	"context"
	"errors"

	"midstream/internal/addons"
	"midstream/internal/api"
	"midstream/internal/api/client"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/rule"
	"midstream/internal/store"
)

// liveClient is a client of the one midstream that runs with the confdir of reg;
// nil where none does. With another file of rules it is not asked. The caller must
// Close it.
func liveClient(reg *option.Registry) (*client.Client, error) {
	all, err := store.LiveProcesses(reg.Path("confdir"))
	if err != nil || reg.Path("rules") != "" {
		return nil, err
	}
	var live []store.Live
	for _, l := range all {
		if l.Control != "" {
			live = append(live, l)
		}
	}
	if len(live) != 1 {
		return nil, nil
	}
	return client.New(live[0])
}

// liveRules are those of the midstream that runs, nil where none does.
func liveRules(ctx context.Context, reg *option.Registry) ([]api.Rule, error) {
	cl, err := liveClient(reg)
	if cl == nil || err != nil {
		return nil, err
	}
	defer cl.Close()
	list, err := cl.Rules(ctx)
	if list.Rules == nil {
		list.Rules = []api.Rule{}
	}
	return list.Rules, err
}

// known are the rules of the midstream that runs, and where none does those that
// reg says.
func (c *rulesCommand) known(ctx context.Context, reg *option.Registry) ([]*rule.Rule, error) {
	live, err := liveRules(ctx, reg)
	if err != nil {
		return nil, err
	}
	if live == nil {
		list, err := instance.Rules(reg, filterCase(c.env))
		if err != nil {
			return nil, &codedError{exitUsage, err}
		}
		return list, nil
	}
	var list []*rule.Rule
	for _, r := range live {
		ready, err := rule.New(rule.Rule{Name: r.Name, Off: !r.On, When: r.When, Do: r.Do, Params: r.Params, From: r.From}, addons.Kinds(), filterCase(c.env))
		if err != nil {
			return nil, ruleError(err)
		}
		list = append(list, ready)
	}
	return list, nil
}

// change changes the rules: those of the midstream that runs, and where none does
// the file.
func (c *rulesCommand) change(ctx context.Context, live func(context.Context, *client.Client) error, file func(*rule.Document) error) error {
	reg, err := c.options()
	if err != nil {
		return err
	}
	cl, err := liveClient(reg)
	if err != nil {
		return err
	}
	if cl != nil {
		defer cl.Close()
		return ruleError(live(ctx, cl))
	}
	d, err := rule.Open(instance.RulesFile(reg), addons.Kinds(), filterCase(c.env))
	if err == nil {
		err = file(d)
	}
	if err == nil {
		_, err = addons.Build(d.Rules(), rule.Env{Home: reg.Home})
	}
	if err == nil {
		err = d.Save()
	}
	return ruleError(err)
}

// ruleError is a fault of the file or the rule that the user wrote.
func ruleError(err error) error {
	if e, ok := errors.AsType[*rule.Error](err); ok {
		return &codedError{exitUsage, e}
	}
	if e, ok := errors.AsType[*api.Error](err); ok && e.Code == "rule" {
		return &codedError{exitUsage, e}
	}
	return err
}
