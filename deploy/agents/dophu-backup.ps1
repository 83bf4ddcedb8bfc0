<#
.SYNOPSIS
Tells Dophu how a backup went: the last line of any backup script on Windows (PowerShell 5.1 and later).

.EXAMPLE
.\dophu-backup.ps1 -Job db -Ok yes -File D:\backup\db.bak
.\dophu-backup.ps1 -Job db -Ok no -Why 'disk full'
.\dophu-backup.ps1 -Job db -RestoreTested 2026-11-20
.\dophu-backup.ps1 -Job db -Ended

.NOTES
C:\ProgramData\Dophu\backup.json holds {"url": "https://dophu.example.vn", "token": "…"}, readable by administrators
and SYSTEM only; the token comes from: dophu token add --facts --note NAME.
#>
param(
    [string]$System = $env:COMPUTERNAME,
    [string]$Agency,
    [string]$Job = '*',
    [ValidateSet('yes', 'no')][string]$Ok,
    [string]$Why,
    [string]$File,
    [datetime]$Finished = (Get-Date),
    [string]$RestoreTested,
    [switch]$Ended,
    [string]$Config = "$env:ProgramData\Dophu\backup.json"
)
$ErrorActionPreference = 'Stop'

$settings = Get-Content -Raw -Encoding UTF8 -Path $Config | ConvertFrom-Json
$told = @{ system = $System; job = $Job }
if ($Agency) { $told.agency = $Agency }
if ($Ok) {
    $told.ok = $Ok -eq 'yes'
    $told.finished = $Finished.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
}
if ($Why) { $told.why = $Why }
if ($File) { $told.size = (Get-Item -LiteralPath $File).Length }
if ($RestoreTested) { $told.restore_tested = $RestoreTested }
if ($Ended) { $told.ended = $true }

# The server speaks TLS 1.2 and later; PowerShell 5.1 asks for less by itself.
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
$body = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -Depth 4 @{ backups = @($told) }))
$request = @{
    Uri = "$($settings.url)/api/v1/backups"; Method = 'Post'; Body = $body; TimeoutSec = 60; UseBasicParsing = $true
    ContentType = 'application/json; charset=utf-8'; Headers = @{ Authorization = "Bearer $($settings.token)" }
}
for ($attempt = 1; ; $attempt++) {
    try {
        (Invoke-WebRequest @request).Content
        break
    }
    catch {
        # What the server refused (4xx) it would refuse again; what did not reach it is tried for some minutes.
        $code = if ($_.Exception.Response) { [int]$_.Exception.Response.StatusCode } else { 0 }
        if ($attempt -ge 5 -or ($code -ge 400 -and $code -lt 500)) { throw }
        Start-Sleep -Seconds (15 * $attempt)
    }
}
