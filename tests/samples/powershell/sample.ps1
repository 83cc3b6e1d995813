<#
.SYNOPSIS
Checks services on several machines and writes a report.
#>
[CmdletBinding()]
param(
    [string[]] $Machine = @('localhost'),
    [int] $Retries = 2
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

enum State {
    Unknown
    Running
    Stopped
}

class Check {
    [string] $Name
    [State] $State = [State]::Unknown
    hidden [datetime] $At

    Check([string] $name) {
        $this.Name = $name
        $this.At = Get-Date
    }

    [bool] IsHealthy() {
        return $this.State -eq [State]::Running
    }

    [string] ToString() {
        return '{0}: {1}' -f $this.Name, $this.State
    }

    static [Check] Failed([string] $name) {
        $check = [Check]::new($name)
        $check.State = [State]::Stopped
        return $check
    }
}

class RemoteCheck : Check {
    [string] $Machine

    RemoteCheck([string] $name, [string] $machine) : base($name) {
        $this.Machine = $machine
    }
}

function Write-Line {
    param([string] $Text, [ConsoleColor] $Color = 'Gray')
    Write-Host $Text -ForegroundColor $Color
}

function Get-ServiceCheck {
    [CmdletBinding()]
    [OutputType([Check])]
    param(
        [Parameter(Mandatory, ValueFromPipeline)]
        [string] $Name,

        [ValidateRange(0, 10)]
        [int] $Retries = 2
    )

    begin {
        $seen = @{}
    }

    process {
        if ($seen.ContainsKey($Name)) { return }
        $seen[$Name] = $true
        for ($try = 0; $try -le $Retries; $try++) {
            try {
                $service = Get-Service -Name $Name
                $check = [Check]::new($Name)
                $check.State = if ($service.Status -eq 'Running') { 'Running' } else { 'Stopped' }
                return $check
            }
            catch {
                Write-Verbose "attempt $try failed: $_"
            }
        }
        [Check]::Failed($Name)
    }
}

filter Select-Unhealthy {
    if (-not $_.IsHealthy()) { $_ }
}

function script:Format-Report([Check[]] $Checks, [switch] $Short) {
    $lines = foreach ($check in $Checks) {
        switch ($check.State) {
            'Running' { "ok   $($check.Name)" }
            default { "FAIL $($check.Name)" }
        }
    }
    if ($Short) { return $lines | Select-Object -First 5 }
    $lines -join [Environment]::NewLine
}

function Invoke-Main {
    $names = 'Spooler', 'W32Time'
    $checks = $names | Get-ServiceCheck -Retries $Retries
    $bad = @($checks | Select-Unhealthy)
    Write-Line (script:Format-Report -Checks $checks)
    if ($bad.Count -gt 0) {
        Write-Line "$($bad.Count) failed" -Color Red
        exit 1
    }
}

Invoke-Main
