; Inno Setup 6.3 or newer. Written against its documentation (jrsoftware.org/ishelp); UNTRIED.
;
;   python dev.py package bundle
;   iscc /DVersion=0.1.0 /DBundle=C:\path\to\build\bundle\...\wabot-tray packaging\windows\wabot-tray.iss
;
; For one user, without administrator: everything the program keeps is that user's, too. Starting at
; login is the program's own switch (a value under the user's Run key), so that it is off until asked
; and can be found where the person looks for it; here it is only taken away again.

#ifndef Version
  #error Version is missing: iscc /DVersion=...
#endif
#ifndef Bundle
  #error Bundle is missing: iscc /DBundle=...
#endif

[Setup]
AppId={{6E1D6A0C-6F1B-4C57-9E0E-2B7A6B4B51C3}
AppName=wabot-tray
AppVersion={#Version}
AppVerName=wabot-tray {#Version}
AppPublisher=The wabot-tray authors
VersionInfoVersion={#Version}
DefaultDirName={autopf}\wabot-tray
DefaultGroupName=wabot-tray
DisableProgramGroupPage=yes
DisableDirPage=auto
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
LicenseFile={#Bundle}\LICENSE
OutputBaseFilename=wabot-tray-{#Version}-setup
UninstallDisplayIcon={app}\wabot-tray.exe
Compression=lzma2
SolidCompression=yes
WizardStyle=modern
ShowLanguageDialog=auto
; Windows' Restart Manager would end a program in the tray without a word to it; see StopProgram.
CloseApplications=no
; Sign what is installed and the uninstaller, once a certificate exists (docs/releasing.md):
; SignTool=wabot
; SignedUninstaller=yes

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "es"; MessagesFile: "compiler:Languages\Spanish.isl"

[CustomMessages]
en.DesktopIcon=Put an icon on the desktop
es.DesktopIcon=Poner un icono en el escritorio
en.Start=Open wabot-tray now
es.Start=Abrir wabot-tray ahora
en.StillRuns=wabot-tray is still running. Please quit it from its icon in the tray, and try again.
es.StillRuns=wabot-tray sigue en marcha. Ciérralo desde su icono en la bandeja e inténtalo de nuevo.

[Tasks]
Name: desktopicon; Description: "{cm:DesktopIcon}"; Flags: unchecked

[InstallDelete]
; Files of an older version that the new one does not have must not be found by it.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Bundle}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[Icons]
Name: "{autoprograms}\wabot-tray"; Filename: "{app}\wabot-tray.exe"; AppUserModelID: "wabot-tray"
Name: "{autodesktop}\wabot-tray"; Filename: "{app}\wabot-tray.exe"; Tasks: desktopicon

[Run]
Filename: "{app}\wabot-tray.exe"; Description: "{cm:Start}"; Flags: nowait postinstall skipifsilent

[UninstallRun]
Filename: "{app}\wabot.exe"; Parameters: "autostart off"; Flags: runhidden; RunOnceId: "autostart"

; What the person has, the accounts, rules and sealed sessions under %LOCALAPPDATA%\wabot-tray, is not
; named in [UninstallDelete] and therefore stays.

[Code]
const
  GOOD = 0;
  NOT_RUNNING = 3;

{ Ask the program to quit as its own menu does, and wait until it has: `wabot quit` answers once the
  sessions are sealed. It says 3 where no program runs. }
function StopProgram(): Boolean;
var
  Status: Integer;
  Command: String;
begin
  Result := True;
  Command := ExpandConstant('{app}\wabot.exe');
  if FileExists(Command) then
    Result := Exec(Command, 'quit', '', SW_HIDE, ewWaitUntilTerminated, Status)
      and ((Status = GOOD) or (Status = NOT_RUNNING));
end;

function PrepareToInstall(var NeedsRestart: Boolean): String;
begin
  Result := '';
  if not StopProgram() then
    Result := CustomMessage('StillRuns');
end;

function InitializeUninstall(): Boolean;
begin
  Result := StopProgram();
  if not Result then
    MsgBox(CustomMessage('StillRuns'), mbError, MB_OK);
end;
