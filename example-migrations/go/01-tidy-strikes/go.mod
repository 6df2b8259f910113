module tidy-strikes

go 1.24

require drift-host.local/drift v0.0.0

// A project of your own has it in ./.drift/sdk/go.
replace drift-host.local/drift => ../../../guest-sdk/go
