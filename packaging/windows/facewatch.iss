; The installer for Windows, by Inno Setup 6: iscc /DSource=FOLDER\dist\facewatch packaging\windows\facewatch.iss
; FOLDER is where packaging/build.py has built the program. It installs for one user, without an administrator.

#ifndef Source
  #error Name the built folder: /DSource=FOLDER\dist\facewatch
#endif
#ifndef Version
  #define Version "0.2.0"
#endif

[Setup]
AppId=io.github.facewatch
AppName=Facewatch
AppVersion={#Version}
AppPublisher=The facewatch authors
AppPublisherURL=https://github.com/facewatch/facewatch
DefaultDirName={localappdata}\Programs\Facewatch
DefaultGroupName=Facewatch
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0
LicenseFile=..\..\LICENSE
SetupIconFile=..\icons\facewatch.ico
UninstallDisplayIcon={app}\facewatchw.exe
OutputBaseFilename=facewatch-{#Version}-setup
Compression=lzma2
SolidCompression=yes
; Without a window it cannot be asked; photos in work are restored again at the next start.
CloseApplications=force

[Tasks]
Name: autostart; Description: "Start Facewatch at login"
Name: filemenu; Description: "Add ""Restore faces with facewatch"" to the menu of photos"

[Files]
Source: "{#Source}\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\Facewatch"; Filename: "{app}\facewatchw.exe"; Parameters: "start"

[Run]
Filename: "{app}\facewatch.exe"; Parameters: "config init --model builtin"; Flags: runhidden; Check: FirstInstallation
Filename: "{app}\facewatch.exe"; Parameters: "autostart on"; Flags: runhidden; Tasks: autostart
Filename: "{app}\facewatch.exe"; Parameters: "filemenu on"; Flags: runhidden; Tasks: filemenu
Filename: "{app}\facewatchw.exe"; Parameters: "start"; Description: "Start Facewatch"; Flags: postinstall nowait

[UninstallRun]
Filename: "{app}\facewatch.exe"; Parameters: "uninstall"; Flags: runhidden; RunOnceId: "entries"
; The gallery, whose page may still be open, holds files of the app.
Filename: "{sys}\taskkill.exe"; Parameters: "/F /IM facewatch.exe /IM facewatchw.exe"; Flags: runhidden; RunOnceId: "end"

[Code]
function FirstInstallation: Boolean;
begin
  Result := not FileExists(ExpandConstant('{localappdata}\facewatch\config.toml'));
end;
