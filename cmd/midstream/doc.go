// Command midstream is the program: it turns the command line into options,
// options into a configuration, and hands that to the packages that do the
// work. There is no logic here: one file a subcommand, and each of them is a
// function from an env to a *cobra.Command.
//
//	argv, config.yaml, MIDSTREAM_* ─► option.Registry ─► runProxy
//	                                        └─► help, options, completion, man
//
// What a command prints as data goes to env.stdout; everything else (where it
// listens, logs, progress, errors) goes to env.stderr. A command fails by
// returning an error; the exit code comes from the error's type (see exit.go).
package main
