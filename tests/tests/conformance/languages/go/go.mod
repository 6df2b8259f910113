module conformance

go 1.24

require drift-host.local/drift v0.0.0

replace drift-host.local/drift => ./.drift/sdk/go
