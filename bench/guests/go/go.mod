module touch

go 1.24

require drift-host.local/drift v0.0.0

// `drift-host build` puts it there.
replace drift-host.local/drift => ./.drift/sdk/go
