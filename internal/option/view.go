package option

import "time"

// Schema is the number of the JSON that View makes; keys are only ever added.
const Schema = 1

// View is an option with its value, ready for JSON. Sizes and durations are as
// one would write them ("3m", "10m"); the value and default of a secret are
// always null.
type View struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Optional bool     `json:"optional"`
	Value    any      `json:"value"`
	Default  any      `json:"default"`
	Source   string   `json:"source"`
	Place    string   `json:"place"`
	IsSet    bool     `json:"set"`
	Secret   bool     `json:"secret"`
	Choices  []string `json:"choices,omitempty"`
	Group    string   `json:"group"`
	Flag     string   `json:"flag"`
	Short    string   `json:"short,omitempty"`
	Variable string   `json:"variable"`
	Accepts  string   `json:"accepts"`
	Help     string   `json:"help"`
	Since    string   `json:"since"`
}

// Views returns all options with their values, in the order of their
// declaration.
func (r *Registry) Views() []View {
	st := r.state.Load()
	views := make([]View, 0, len(st.options))
	for _, o := range st.options {
		views = append(views, o.view(st.setting(o)))
	}
	return views
}

func (o *Option) view(s Setting) View {
	v := View{
		Name: o.Name, Type: o.Type.String(), Optional: o.Optional,
		Source: s.Source.String(), Place: s.Place, IsSet: s.Source != Default, Secret: o.Secret,
		Choices: o.Choices, Group: o.Group, Flag: "--" + o.FlagName(),
		Variable: o.Variable(), Accepts: o.Accepts(), Help: o.Help, Since: o.Since,
	}
	if o.Group == GroupScripts {
		v.Flag = ""
	}
	if o.Short != "" {
		v.Short = "-" + o.Short
	}
	if !o.Secret {
		v.Value, v.Default = o.plain(s.Value), o.plain(o.fallback())
	}
	return v
}

// plain turns a value into what JSON shows.
func (o *Option) plain(v any) any {
	switch v := v.(type) {
	case time.Duration:
		return FormatDuration(v)
	case int64:
		if o.Type == Size {
			return FormatSize(v)
		}
		return v
	case []string:
		return append([]string{}, v...)
	}
	return v
}

// Text returns the value of o as the registry has it, as Format writes it.
func (r *Registry) Text(o *Option) string {
	return o.Format(r.state.Load().setting(o).Value)
}
