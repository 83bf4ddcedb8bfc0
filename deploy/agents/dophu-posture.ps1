#Requires -Version 5.1
<#
.SYNOPSIS
Writes what the GLPI agent does not see of this Windows into a file that the agent takes along.

.DESCRIPTION
Pending updates, SMBv1, password policy, the firewall with policies applied and, on servers, Microsoft Defender. Runs as
SYSTEM once a day (dophu-posture.xml). The form of the file is told in README.md. It only reads: nothing is changed,
installed or sent. What cannot be read is left out, never written as false, and named in posture.log beside the file.

.PARAMETER Path
The file for the agent's setting additional-content.
#>
[CmdletBinding()]
param(
    [string]$Path = (Join-Path $env:ProgramData 'Dophu\posture.json')
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$posture = [ordered]@{}
$content = [ordered]@{}
$problems = New-Object System.Collections.ArrayList

function Read-Part([string]$Name, [scriptblock]$Do) {
    # One part that fails leaves the others as they are.
    try { & $Do } catch { [void]$problems.Add("${Name}: $($_.Exception.Message)") }
}

function Format-Time([datetime]$Time) {
    $Time.ToString('yyyy-MM-ddTHH:mm:sszzz', [Globalization.CultureInfo]::InvariantCulture)
}

function Format-Day([datetime]$Time) {
    $Time.ToString('yyyy-MM-dd', [Globalization.CultureInfo]::InvariantCulture)
}

# --- updates: through the machine's own source, WSUS or Microsoft; from a local task, since over the network it is denied

Read-Part 'updates' {
    $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
    $found = $searcher.Search("IsInstalled=0 and IsHidden=0 and Type='Software'")
    if ($found.ResultCode -ne 2) { throw "the search ended with result $($found.ResultCode), expected 2 (succeeded)" }
    $security = 0
    $rows = @(foreach ($update in $found.Updates) {
        $categories = @($update.Categories | ForEach-Object { $_.CategoryID })
        # Security Updates by their category, or any that Microsoft rated.
        if ($categories -contains '0fa1201d-4330-4fa8-8ae9-b877473b6441' -or $update.MsrcSeverity) { $security++ }
        $kb = @($update.KBArticleIDs)
        [ordered]@{
            kb        = if ($kb.Count) { "KB$($kb[0])" } else { $null }
            title     = $update.Title
            severity  = $update.MsrcSeverity
            published = Format-Day $update.LastDeploymentChangeTime
        }
    })
    $posture.updates_searched_at = Format-Time (Get-Date)
    $posture.updates_pending = $rows.Count
    $posture.security_updates_pending = $security
    $content.windows_updates = @($rows | Select-Object -First 1000)
}

Read-Part 'last update' {
    $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
    $total = $searcher.GetTotalHistoryCount()
    if ($total -gt 0) {
        # Installed (1) with success (2); the signatures of Defender come daily and are no patch.
        $done = @($searcher.QueryHistory(0, [Math]::Min($total, 200)) |
            Where-Object { $_.Operation -eq 1 -and $_.ResultCode -eq 2 -and $_.Title -notmatch 'KB2267602' })
        if ($done.Count) {
            $newest = ($done | Sort-Object Date -Descending | Select-Object -First 1).Date
            $posture.last_update = Format-Time ([datetime]::SpecifyKind($newest, 'Utc').ToLocalTime())
        }
    }
}

Read-Part 'reboot' {
    $windows = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion'
    $posture.reboot_needed = (Test-Path "$windows\WindowsUpdate\Auto Update\RebootRequired") -or
        (Test-Path "$windows\Component Based Servicing\RebootPending")
}

# --- settings

Read-Part 'smb1' { $posture.smb1 = [bool](Get-SmbServerConfiguration).EnableSMB1Protocol }

Read-Part 'edition' {
    $posture.edition = (Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion').EditionID
}

Read-Part 'password policy' {
    $policy = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
    try {
        $null = & "$env:SystemRoot\System32\secedit.exe" /export /areas SECURITYPOLICY /cfg $policy /quiet
        $lines = Get-Content -LiteralPath $policy
        foreach ($line in $lines) {
            if ($line -match '^MinimumPasswordLength\s*=\s*(\d+)') { $posture.password_length = [int]$Matches[1] }
            if ($line -match '^PasswordComplexity\s*=\s*([01])') { $posture.password_complex = $Matches[1] -eq '1' }
        }
    } finally {
        Remove-Item -LiteralPath $policy -Force -ErrorAction SilentlyContinue
    }
}

Read-Part 'firewall' {
    # ActiveStore: the machine's own settings with group policies applied.
    foreach ($profile_ in Get-NetFirewallProfile -PolicyStore ActiveStore) {
        $posture["firewall_$($profile_.Name.ToLowerInvariant())"] = "$($profile_.Enabled)" -eq 'True'
    }
}

$isServer = $false
Read-Part 'kind of system' { $script:isServer = (Get-CimInstance Win32_OperatingSystem).ProductType -ne 1 }

if (-not $isServer) {
    Read-Part 'other firewall' {
        # The nibble 0x1000 of productState: the product is on.
        $others = @(Get-CimInstance -Namespace root/SecurityCenter2 -ClassName FirewallProduct |
            Where-Object { ($_.productState -band 0x1000) -ne 0 })
        if ($others.Count) { $posture.firewall_product = $others[0].displayName }
    }
} else {
    # A server has no Security Center, so that the agent finds no antivirus there.
    Read-Part 'Defender' {
        $defender = Get-MpComputerStatus
        $content.antivirus = @([ordered]@{
            name          = 'Microsoft Defender Antivirus'
            enabled       = [bool]($defender.AntivirusEnabled -and $defender.RealTimeProtectionEnabled)
            uptodate      = $defender.AntivirusSignatureAge -le 7
            version       = $defender.AMProductVersion
            base_version  = $defender.AntivirusSignatureVersion
            base_creation = Format-Day $defender.AntivirusSignatureLastUpdated
        })
    }
}

# --- the file: written beside, then renamed, so that the agent never reads half of it

$posture.checked_at = Format-Time (Get-Date)
$content.posture = $posture
$folder = Split-Path -Parent $Path
if (-not (Test-Path -LiteralPath $folder)) {
    $null = New-Item -ItemType Directory -Path $folder
    # Only SYSTEM and administrators: whoever writes here speaks for the machine.
    $null = & "$env:SystemRoot\System32\icacls.exe" $folder /inheritance:r /grant '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F'
}
$text = [ordered]@{ content = $content } | ConvertTo-Json -Depth 5
$utf8 = New-Object System.Text.UTF8Encoding $false
$beside = "$Path.new"
[IO.File]::WriteAllText($beside, $text, $utf8)
Move-Item -LiteralPath $beside -Destination $Path -Force
[IO.File]::WriteAllLines((Join-Path $folder 'posture.log'), [string[]](@("$($posture.checked_at) written") + $problems), $utf8)
exit 0
