;;; aid-client.el --- The connection to AID's daemon  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; One process (`aid connect') a project, started where the project is: on its host, for a remote one.  Nothing here
;; waits for the daemon: what is asked before it is ready is sent once it is, and answers come to functions.

;;; Code:

(require 'cl-lib)
(require 'eieio)
(require 'jsonrpc)
(require 'map)
(require 'project)
(require 'seq)
(require 'subr-x)
(require 'url-util)
(require 'aid-protocol)

(defgroup aid nil
  "Changes to a project by a local daemon, each checked by the project's build."
  :group 'tools)

(defcustom aid-command (alist-get 'command aid-protocol-settings)
  "The program that connects to the daemon, and its arguments.
It is looked for on the project's host."
  :type '(repeat string))

(defcustom aid-enable (eq t (alist-get 'enable aid-protocol-settings))
  "Whether `aid-global-mode' takes files into its care.
It may be set for a project, in its .dir-locals.el."
  :type 'boolean :safe #'booleanp)

(defcustom aid-log-level (alist-get 'log_level aid-protocol-settings)
  "What the daemon says unasked is shown from this level on.
With \"debug\", what goes over the wire is kept in an events buffer."
  :type '(choice (const "debug") (const "info") (const "warning") (const "error")))

(defclass aid-connection (jsonrpc-process-connection)
  ((root :initarg :root :documentation "The project's directory, as Emacs names it.")
   (ready :initform nil :documentation "Whether `initialize' was answered.")
   (waiting :initform nil :documentation "Functions to call once it is ready, the last one first.")
   (sent :initform nil :documentation "The id of the request sent last.")
   (diagnostics :initform (make-hash-table :test #'equal) :documentation "The daemon's, by URI.")
   (build :initform nil :documentation "What `aid/buildChanged' said last.")))

(defvar aid--connections (make-hash-table :test #'equal) "By root.")

(cl-defstruct aid-asked
  "A prompt that is being answered: WORDS say what is done, CANCEL ends that."
  token root buffer update cancel (words "asking"))

(defvar aid--asked nil "The prompts that are being answered, the last one first.")

(declare-function aid--adopt "aid-documents" (connection))
(declare-function aid--flush "aid-documents" (connection))
(declare-function aid--apply-edit "aid-documents" (connection edit))
(declare-function aid--show-diagnostics "aid-documents" (connection))

(cl-defmethod jsonrpc-connection-send :before ((connection aid-connection) &key id method &allow-other-keys)
  "Remember the ID of a request METHOD on CONNECTION: it is what cancels it."
  (when (and id method) (setf (slot-value connection 'sent) id)))

(defun aid--say (level text)
  "Show TEXT if LEVEL is high enough."
  (let ((levels '("debug" "info" "warning" "error")))
    (when (>= (seq-position levels level) (or (seq-position levels aid-log-level) 0))
      (message "AID: %s" (string-remove-prefix "AID: " text)))))

;;; Places

(defun aid--find-root (directory)
  "Return the root of the project that DIRECTORY is in, or nil.
It is the nearest one of what project.el says and an aid.toml."
  (let* ((project (project-current nil directory))
         (found (delq nil (list (and project (project-root project)) (locate-dominating-file directory "aid.toml")))))
    (car (sort (mapcar (lambda (each) (substring-no-properties (file-name-as-directory (file-truename each)))) found)
               (lambda (one other) (> (length one) (length other)))))))

(defvar-local aid-root nil
  "The root of the project that the buffer is about, where that is known.")

(defun aid-root ()
  "Return the root of this buffer's project; signal an error if there is none."
  (or aid-root (aid--find-root default-directory)
      (user-error "%s is in no project: it needs a .git, a .hg or an aid.toml above it" default-directory)))

(defun aid--workspace (root)
  "Return ROOT as the daemon, on the project's host, names it."
  (directory-file-name (file-local-name root)))

(defun aid--path-to-uri (path)
  "Return the URI of the file PATH on its own host."
  (concat "file://" (url-hexify-string (file-local-name path) url-path-allowed-chars)))

(defun aid--uri-to-path (uri root)
  "Return the file of URI, as Emacs names it for a project at ROOT."
  (let ((path (url-unhex-string (replace-regexp-in-string "\\`file://\\(localhost\\)?" "" uri))))
    (concat (file-remote-p root) (decode-coding-string path 'utf-8))))

;;; Connecting

(defun aid--connection (root)
  "Return the connection of the project at ROOT, or nil."
  (let ((found (gethash root aid--connections)))
    (and found (jsonrpc-running-p found) found)))

(defun aid-connect (root)
  "Return the connection of the project at ROOT, made if need be."
  (or (aid--connection root)
      (let ((default-directory root))
        (unless (executable-find (car aid-command) t)
          (user-error "There is no program \"%s\": install AID, or name it in `aid-command'" (car aid-command)))
        (puthash root (aid--start root) aid--connections))))

(defun aid--start (root)
  "Start the process of the project at ROOT and say `initialize'."
  (let* ((name (format "aid %s" (abbreviate-file-name root)))
         (size (if (equal aid-log-level "debug") 2000000 0))
         (connection (apply #'make-instance 'aid-connection :name name :root root
                            :process (lambda () (aid--process name root))
                            :request-dispatcher #'aid--asked-of-us
                            :notification-dispatcher #'aid--told
                            :on-shutdown (lambda (_) (force-mode-line-update t))
                            (if (> emacs-major-version 29) `(:events-buffer-config (:size ,size :format full))
                              (list :events-buffer-scrollback-size size)))))
    (jsonrpc-async-request connection :initialize (aid--initialize root) :timeout nil
                           :success-fn (lambda (result) (aid--initialized connection result))
                           :error-fn (lambda (failure) (aid--say "error" (plist-get failure :message))))
    connection))

(defun aid--process (name root)
  "Start `aid-command' as NAME in ROOT, on its host."
  (let ((default-directory root) (words (mapconcat #'shell-quote-argument aid-command " ")))
    (make-process :name name :connection-type 'pipe :coding 'utf-8-emacs-unix :noquery t :file-handler t
                  ;; TRAMP may give it a terminal, which would change line ends and echo
                  :command (if (file-remote-p root) (list "sh" "-c" (concat "stty raw -echo 2>/dev/null; exec " words))
                             aid-command)
                  :stderr (get-buffer-create (format "*%s stderr*" name)))))

(defun aid--initialize (root)
  "Return the params of `initialize' for ROOT."
  (let ((uri (aid--path-to-uri (directory-file-name root))))
    `( :processId ,(unless (file-remote-p root) (emacs-pid))
       :clientInfo (:name "Emacs" :version ,emacs-version)
       :rootUri ,uri
       :workspaceFolders [(:uri ,uri :name ,(file-name-nondirectory (directory-file-name root)))]
       :initializationOptions (:build_changed t)
       :capabilities
       ( :general (:positionEncodings ["utf-32"])     ; one a character, as in Emacs
         :workspace ( :applyEdit t
                      :workspaceEdit (:documentChanges t :resourceOperations ["create" "rename" "delete"]))
         :textDocument (:synchronization (:didSave t) :publishDiagnostics (:versionSupport :json-false))))))

(defun aid--initialized (connection result)
  "Let CONNECTION do what waited; RESULT is the daemon's answer."
  (unless (equal (plist-get (plist-get result :capabilities) :positionEncoding) "utf-32")
    (aid--say "error" "the daemon can't count characters as Emacs does: update AID"))
  (jsonrpc-notify connection :initialized (make-hash-table))
  (setf (slot-value connection 'ready) t)
  (mapc #'funcall (nreverse (cl-shiftf (slot-value connection 'waiting) nil))))

(defun aid--when-ready (connection function)
  "Call FUNCTION now, or once the daemon has taken up CONNECTION."
  (if (slot-value connection 'ready) (funcall function) (push function (slot-value connection 'waiting))))

(defun aid-disconnect ()
  "End the connection of this project; the next command will make a new one."
  (interactive)
  (let ((connection (aid--connection (aid-root))))
    (when connection (jsonrpc-shutdown connection))))

;;; Asking

(defun aid-request (root method params done &optional failed)
  "Ask METHOD with PARAMS of the daemon of the project at ROOT.
DONE is called with the result.  FAILED is called with what went wrong, in
words; without it the person is told.  The value is a function that cancels."
  (let ((connection (aid-connect root)) (id nil) (cancelled nil)
        (failed (or failed (lambda (why) (aid--say "error" why)))))
    (aid--when-ready
     connection
     (lambda ()
       (if cancelled (funcall failed "cancelled")
         (aid--adopt connection)
         (aid--flush connection)
         (jsonrpc-async-request
          connection method params :timeout nil
          ;; by timer: sending from a process filter may lose messages (bug#60088)
          :success-fn (lambda (result) (run-at-time 0 nil done result))
          :error-fn (lambda (failure)
                      (run-at-time 0 nil failed (pcase (plist-get failure :code)
                                                  (-32800 "cancelled")
                                                  (-1 "the connection ended: ask again")
                                                  (_ (plist-get failure :message))))))
         (setq id (slot-value connection 'sent)))))
    (lambda ()
      (setq cancelled t)
      (when (and id (jsonrpc-running-p connection))
        (jsonrpc-notify connection :$/cancelRequest (list :id id))))))

(defun aid-prompt (root params update done failed)
  "Ask for a change in the project at ROOT, by `aid/prompt' with PARAMS.
UPDATE is called with each update; DONE and FAILED are those of `aid-request'."
  (let* ((token (format "emacs-%d-%x" (emacs-pid) (random most-positive-fixnum)))
         (asked (make-aid-asked :token token :root root :buffer (current-buffer) :update update))
         (over (lambda (then)
                 (lambda (value)
                   (setq aid--asked (delq asked aid--asked))
                   (force-mode-line-update t)
                   (funcall then value)))))
    (setf (aid-asked-cancel asked)
          (aid-request root :aid/prompt `(:workspace ,(aid--workspace root) :token ,token ,@params)
                       (funcall over done) (funcall over failed)))
    (push asked aid--asked)
    (force-mode-line-update t)))

(defun aid-asked-from (buffer)
  "Return what is being asked that was sent from BUFFER."
  (seq-filter (lambda (asked) (eq buffer (aid-asked-buffer asked))) aid--asked))

(defun aid-cancel ()
  "Cancel all that is being asked in this project."
  (interactive)
  (dolist (asked (seq-filter (lambda (asked) (equal (aid-root) (aid-asked-root asked))) aid--asked))
    (funcall (aid-asked-cancel asked))))

(defun aid-cancel-here ()
  "Cancel what is being asked from this buffer."
  (interactive)
  (mapc #'funcall (mapcar #'aid-asked-cancel (aid-asked-from (current-buffer)))))

(defun aid-quit ()
  "Cancel what was asked from this buffer, unless there is a region; then quit."
  (interactive)
  (unless (region-active-p) (aid-cancel-here))
  (keyboard-quit))

;;; What the daemon says

(defun aid--told (connection method params)
  "Take the notification METHOD with PARAMS on CONNECTION."
  (pcase method
    ('aid/update
     (let ((asked (seq-find (lambda (each) (equal (aid-asked-token each) (plist-get params :token))) aid--asked))
           (line (aid-protocol-update-params-line params)))
       (when asked
         (unless (string-empty-p line)
           (setf (aid-asked-words asked) line)
           (force-mode-line-update t))
         (funcall (aid-asked-update asked) params))))
    ('aid/buildChanged
     (setf (slot-value connection 'build) params)
     (force-mode-line-update t))
    ('textDocument/publishDiagnostics
     (puthash (plist-get params :uri) (append (plist-get params :diagnostics) nil) (slot-value connection 'diagnostics))
     (aid--show-diagnostics connection))
    ((or 'window/showMessage 'window/logMessage)
     (aid--say (nth (plist-get params :type) '("debug" "error" "warning" "info" "debug" "debug"))
               (plist-get params :message)))))

(defun aid--asked-of-us (connection method params)
  "Answer the request METHOD with PARAMS on CONNECTION."
  (if (eq method 'workspace/applyEdit) (aid--apply-edit connection (plist-get params :edit))
    (jsonrpc-error :code -32601 :message (format "Emacs has no %s" method))))

(provide 'aid-client)
;;; aid-client.el ends here
